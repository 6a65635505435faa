#version 330
// SPDX-License-Identifier: GPL-3.0-or-later
// Averages the supersamples over the background after tone mapping (ACES fit by Narkowicz).
uniform sampler2D scene; uniform sampler2D behind; uniform float exposure; uniform vec3 tint; uniform int down;
out vec4 o;
vec3 aces(vec3 x) { x *= .82; return clamp((x*(2.51*x+.03))/(x*(2.43*x+.59)+.14), 0., 1.); }
void main() {
  ivec2 p = ivec2(gl_FragCoord.xy)*down; vec3 c = vec3(0); float alpha = 0.;
  for (int y = 0; y < down; y++) for (int x = 0; x < down; x++) {
    vec4 s = texelFetch(scene, p+ivec2(x, y), 0);
    vec3 b = texelFetch(behind, p+ivec2(x, y), 0).rgb;
    c += pow(aces((s.rgb+b*(1-s.a))*exposure*tint), vec3(1/2.2)); alpha += s.a;
  }
  o = vec4(c, alpha)/float(down*down);
}
