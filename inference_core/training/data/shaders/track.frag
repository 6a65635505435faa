#version 330
// SPDX-License-Identifier: GPL-3.0-or-later
in vec4 C; in float MAT; in vec2 UV; in vec4 T[8];
layout(location = 0) out vec4 o0; layout(location = 1) out vec4 o1; layout(location = 2) out vec4 o2;
layout(location = 3) out vec4 o3; layout(location = 4) out vec4 o4;
layout(location = 5) out vec4 o5; layout(location = 6) out vec4 o6;
vec2 ndc(vec4 c) { return c.xy/c.w; }
void main() {
  o0 = vec4(ndc(T[0]), ndc(T[1])); o1 = vec4(ndc(T[2]), ndc(T[3]));
  o2 = vec4(ndc(T[4]), ndc(T[5])); o3 = vec4(ndc(T[6]), ndc(T[7]));
  o4 = vec4(C.w, MAT + 1, UV);
  o5 = vec4(T[0].w, T[1].w, T[2].w, T[3].w); o6 = vec4(T[4].w, T[5].w, T[6].w, T[7].w);
}
