#version 330
// SPDX-License-Identifier: GPL-3.0-or-later
// Where each visible point of the portrait is in up to eight other poses: exact forward flow.
in vec3 in_pos; in float in_mat; in vec2 in_uv;
in vec3 t0; in vec3 t1; in vec3 t2; in vec3 t3; in vec3 t4; in vec3 t5; in vec3 t6; in vec3 t7;
uniform mat4 mvp;
out vec4 C; out float MAT; out vec2 UV; out vec4 T[8];
void main() {
  C = mvp*vec4(in_pos, 1); MAT = in_mat; UV = in_uv;
  T[0] = mvp*vec4(t0, 1); T[1] = mvp*vec4(t1, 1); T[2] = mvp*vec4(t2, 1); T[3] = mvp*vec4(t3, 1);
  T[4] = mvp*vec4(t4, 1); T[5] = mvp*vec4(t5, 1); T[6] = mvp*vec4(t6, 1); T[7] = mvp*vec4(t7, 1);
  gl_Position = C;
}
