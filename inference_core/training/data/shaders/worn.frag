#version 330
// SPDX-License-Identifier: GPL-3.0-or-later
// Glasses, hats, loose hair, lashes and things held before the face. Colours are linear; what can
// be seen through is written premultiplied.
in vec3 P; in vec3 N; in vec2 UV; in vec4 SP; flat in int KIND; flat in vec4 PAINT; flat in float OPACITY;
uniform vec3 eye;
layout(location = 0) out vec4 colour;
//include light.glsl

float cell(float across, float many, float seed) { return hash(vec2(floor(across*many), seed)); }

void main() {
  vec3 V = normalize(eye-P), n = normalize(N); if (dot(n, V) < 0) n = -n;
  float gloss = PAINT.a; vec3 a = PAINT.rgb; float sd = shadow();
  if (KIND == 6 || KIND == 7) {  // lashes: UV.x along the lid, UV.y from root to tip
    float ends = smoothstep(0., .12, UV.x)*smoothstep(1., .88, UV.x); float cover;
    if (KIND == 6) cover = smoothstep(0., .25, UV.y)*smoothstep(1., .6, UV.y)*ends;
    else {
      float x = UV.x*44. + (hash(vec2(floor(UV.x*44.), 3.))-.5)*UV.y*1.2; float tip = .55+.45*cell(x, 1., 7.);
      cover = smoothstep(.65*(1-UV.y/tip)+.08, .0, abs(fract(x)-.5))*step(UV.y, tip)*ends;
    }
    cover *= OPACITY; colour = vec4((a*sh(n)*.7 + a*light_col[0]*sd*.3)*cover, cover); return;
  }
  if (KIND == 2) {  // a lens: its tint hides, its surface mirrors
    vec3 c = vec3(0); float fresnel = .03+.6*pow(1-max(0., dot(n, V)), 4.);
    for (int i = 0; i < 3; i++) c += light_col[i]*pow(max(0., dot(n, normalize(light_dir[i]+V))), 240.)*2.5*(i == 0 ? sd : 1.);
    c += sh(reflect(-V, n))*fresnel*gloss; float grade = OPACITY*mix(1., .7, UV.y*.5);
    colour = vec4(c + a*sh(n)*grade, clamp(grade+fresnel*gloss*.5, 0., 1.)); return;
  }
  float rough = mix(.75, .22, gloss), wrap = .1, seen = 1.; vec3 T = vec3(0, 1, 0);
  if (KIND == 1) {  // strands: UV.x across, UV.y from root to tip
    float x = UV.x*26.; float one = hash(vec2(floor(x), 11.));
    T = normalize(tangents(n, P, UV)[1] + n*(one-.5)*.35); a *= .7+.6*one;
    if (UV.y > .55+.5*one || (abs(UV.x-.5)*2. > 1.05-.5*UV.y*one) ) discard;
    if (fract(x) > 1.-.8*smoothstep(.35, 1., UV.y)*one) discard;
  } else if (KIND == 3) {  // knit or weave
    vec2 w = UV*vec2(150., 60.); float knit = .5+.5*sin(w.x*6.283)*cos(w.y*6.283+sin(w.x*6.283)*1.5);
    a *= mix(1., .72+.5*knit, .6); rough = .85; wrap = .3;
  } else if (KIND == 4) wrap = .3;
  else if (KIND == 5) { vec2 w = abs(fract(UV*vec2(60., 30.))-.5); a *= smoothstep(.08, .3, min(w.x, w.y))*.2+.8-.75*smoothstep(.1, .4, max(w.x, w.y)-min(w.x, w.y)); }
  vec3 c = a*sh(n)*mix(.75, 1., n.y*.5+.5); float al = rough*rough, nv = max(.05, dot(n, V));
  for (int i = 0; i < 3; i++) {
    vec3 L = light_dir[i], H = normalize(L+V); float s = i == 0 ? sd : 1., d = dot(n, L), nl = max(0., d);
    c += a*light_col[i]*s*max(0., (d+wrap)/(1+wrap));
    if (KIND == 1) {  // Kajiya-Kay, as on the wigs
      float th = dot(T, H), lit = smoothstep(-.15, .35, d);
      c += light_col[i]*s*lit*(vec3(pow(sqrt(max(0., 1-th*th)), 90.)*.1) + a*pow(sqrt(max(0., 1-th*th)), 20.)*.5);
    } else c += light_col[i]*s*nl*(.04+.96*pow(1-max(0., dot(V, H)), 5.))*ggx(max(0., dot(n, H)), al)*smith(nl, nv, al)*3.14159*gloss;
  }
  if (KIND != 1) c += sh(reflect(-V, n))*(.03+.3*pow(1-nv, 5.))*gloss;
  colour = vec4(c, 1);
}
