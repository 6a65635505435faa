#version 330
// SPDX-License-Identifier: GPL-3.0-or-later
in vec3 in_pos; in vec3 in_nrm; in vec2 in_uv; in float in_kind; in vec4 in_paint; in float in_opacity;
uniform mat4 mvp; uniform mat4 shadow_mvp;
out vec3 P; out vec3 N; out vec2 UV; out vec4 SP; flat out int KIND; flat out vec4 PAINT; flat out float OPACITY;
invariant gl_Position;
void main() {
  P = in_pos; N = in_nrm; UV = in_uv; KIND = int(in_kind+.5); PAINT = in_paint; OPACITY = in_opacity;
  SP = shadow_mvp * vec4(in_pos, 1);
  gl_Position = mvp * vec4(in_pos, 1);
}
