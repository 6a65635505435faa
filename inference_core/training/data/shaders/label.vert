#version 330
// SPDX-License-Identifier: GPL-3.0-or-later
in vec3 in_pos; in float in_mat; in vec2 in_uv;
uniform mat4 mvp;
out float MAT; out vec2 UV; out float DEPTH;
void main() { MAT = in_mat; UV = in_uv; gl_Position = mvp*vec4(in_pos, 1); DEPTH = gl_Position.w; }
