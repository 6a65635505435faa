#version 330
// SPDX-License-Identifier: GPL-3.0-or-later
in float MAT; in vec2 UV; in float DEPTH;
out vec4 o;
void main() { o = vec4(MAT + 1, UV, DEPTH); }
