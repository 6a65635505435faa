// SPDX-License-Identifier: GPL-3.0-or-later
// The lights, and what reflects them. Wants `in vec4 SP`, the point in the shadow map's clip space.
uniform vec3 light_dir[3]; uniform vec3 light_col[3]; uniform vec3 ambient[9]; uniform sampler2DShadow shadow_map;

vec3 sh(vec3 n) {
  return max(vec3(0), ambient[0] + ambient[1]*n.y + ambient[2]*n.z + ambient[3]*n.x + ambient[4]*n.x*n.y
    + ambient[5]*n.y*n.z + ambient[6]*(3*n.z*n.z-1) + ambient[7]*n.x*n.z + ambient[8]*(n.x*n.x-n.y*n.y));
}
// GGX distribution and Schlick-Smith visibility (Walter et al. 2007)
float ggx(float nh, float a) { float a2 = a*a; float d = nh*nh*(a2-1)+1; return a2/(3.14159*d*d); }
float smith(float nl, float nv, float a) { float k = a*.5+1e-3; return .25/((nl*(1-k)+k)*(nv*(1-k)+k)); }
float hash(vec2 p) { return fract(sin(dot(p, vec2(127.1, 311.7)))*43758.5453); }

float shadow() {
  vec3 q = SP.xyz/SP.w*.5+.5;
  if (q.z > 1.) return 1.;
  float a = hash(gl_FragCoord.xy)*6.283; mat2 turn = mat2(cos(a), sin(a), -sin(a), cos(a));
  const vec2 tap[8] = vec2[8](vec2(-.9,.1), vec2(.7,.6), vec2(.1,-.9), vec2(-.3,.7),
                              vec2(.4,-.3), vec2(-.5,-.5), vec2(.9,-.1), vec2(0,.2));
  float s = 0.;
  for (int i = 0; i < 8; i++) s += texture(shadow_map, vec3(q.xy + turn*tap[i]*(2.56/768.), q.z-.0022));
  return s/8.;
}
// Tangent frame from screen derivatives (Schueler, "Followup: Normal Mapping Without Precomputed Tangents")
mat3 tangents(vec3 n, vec3 p, vec2 uv) {
  vec3 a = dFdx(p), b = dFdy(p); vec2 c = dFdx(uv), d = dFdy(uv);
  vec3 bp = cross(b, n), ap = cross(n, a); vec3 T = bp*c.x+ap*d.x, B = bp*c.y+ap*d.y;
  float m = inversesqrt(max(max(dot(T,T), dot(B,B)), 1e-20));
  return mat3(T*m, B*m, n);
}
