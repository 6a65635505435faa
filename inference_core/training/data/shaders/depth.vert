#version 330
// SPDX-License-Identifier: GPL-3.0-or-later
in vec3 in_pos; uniform mat4 mvp;
invariant gl_Position;
void main() { gl_Position = mvp * vec4(in_pos, 1); }
