#version 330
// SPDX-License-Identifier: GPL-3.0-or-later
in vec3 in_pos; in vec3 in_nrm; in vec2 in_uv; in float in_mat; in float in_ao; in vec3 in_obj;
uniform mat4 mvp; uniform mat4 shadow_mvp;
out vec3 P; out vec3 N; out vec2 UV; out float MAT; out float AO; out vec4 SP; out vec3 OBJ;
invariant gl_Position;
void main() {
  P = in_pos; N = in_nrm; UV = in_uv; MAT = in_mat; AO = in_ao; OBJ = in_obj;
  SP = shadow_mvp * vec4(in_pos, 1);
  gl_Position = mvp * vec4(in_pos, 1);
}
