#version 330
// SPDX-License-Identifier: GPL-3.0-or-later
// Skin, eyes, teeth, cloth and hair under one shadowed key light, two plain lights and an ambient
// term in second-order spherical harmonics. Colours are linear. A program draws one PART, for
// software GL computes every branch of a shader for every pixel.
#define SKIN 0
#define EYES 1
#define CARUNCLES 2
#define TEETH 3
#define HAIR 4
in vec3 P; in vec3 N; in vec2 UV; in float MAT; in float AO; in vec4 SP; in vec3 OBJ;
uniform sampler2D skin_texture; uniform sampler2D wig_texture; uniform sampler2D normal_texture;
uniform vec3 eye;
uniform vec3 skin_tint; uniform float skin_gain; uniform float oil; uniform vec3 hair_tint;
uniform vec3 lip_tint; uniform float beard; uniform vec3 iris_tint; uniform vec3 cloth_tint;
uniform vec3 eye_centre[2]; uniform vec3 eye_forward[2]; uniform vec3 mouth_centre;
layout(location = 0) out vec4 colour;

//include light.glsl

#if PART == HAIR
vec3 shade(vec3 n, vec3 V, float sd) {
  if (dot(n, V) < 0) n = -n;
  vec3 t = pow(texture(wig_texture, UV).rgb, vec3(2.2)); float grey = dot(t, vec3(.33));
  vec3 a = mix(t, vec3(grey), smoothstep(.06, .0, grey)*.8)*.8*hair_tint;
  vec3 T = normalize(tangents(n, P, UV)[1]);
  T = normalize(T + n*(hash(floor(UV*vec2(700, 3)))-.5)*.5);
  vec3 c = a*sh(n)*AO*.9;
  for (int i = 0; i < 3; i++) {  // two highlights along the strand (Kajiya-Kay)
    float s = (i == 0) ? sd : 1.; vec3 L = light_dir[i]; float tl = dot(T, L);
    float sl = sqrt(max(0., 1-tl*tl)); float diffuse = mix(max(0., dot(n,L)*.6+.4), sl, .35);
    vec3 H = normalize(L+V); float th = dot(T, H); float first = pow(sqrt(max(0., 1-th*th)), 90.)*.22;
    float th2 = dot(normalize(T+n*.12), H); float second = pow(sqrt(max(0., 1-th2*th2)), 22.);
    float facing = smoothstep(-.15, .35, dot(n, L)); float lum = dot(a, vec3(.33));
    c += light_col[i]*s*AO*(a*diffuse*.8 + facing*(vec3(first)*(.05+.5*lum)+a*second*.55));
  }
  return c;
}

#elif PART == EYES
vec3 shade(vec3 n, vec3 V, float sd) {
  int e = int(MAT+.5)-1;
  vec3 a = pow(texture(skin_texture, UV).rgb, vec3(2.2));
  vec3 d = normalize(P-eye_centre[e]), f = eye_forward[e]; float q = dot(d, f);
  float iris = smoothstep(.83, .865, q);
  a = mix(a*vec3(1.05,1.,.98)*.95+.03, a*1.35*iris_tint, iris);
  float side = abs(d.x); float lid = smoothstep(.62, .02, d.y)*mix(1., .72, smoothstep(.35, .75, side));
  float ao = AO*mix(.3, 1., lid); vec3 c = a*sh(mix(n, f, .5))*ao*.85;
  for (int i = 0; i < 3; i++) {
    float s = (i == 0) ? mix(.35, 1., sd) : 1.; vec3 L = light_dir[i];
    c += light_col[i]*s*ao*a*max(0., dot(mix(n, f, .35), L)*.8+.2)*.75;
    float nh = max(0., dot(n, normalize(L+V)));
    c += light_col[i]*s*(smoothstep(.9962, .9985, nh)*1.1*lid + .05*pow(nh, 60.));
  }
  float fresnel = .025+.5*pow(1-max(0., dot(n, V)), 5.);
  return c + sh(reflect(-V, n))*fresnel*lid;
}

#else
vec3 shade(vec3 n, vec3 V, float sd) {
  vec3 t = texture(skin_texture, UV).rgb, a = pow(t, vec3(2.2)); float ao = AO;
  const bool teeth = PART == TEETH; float skin = 1.;
  float lum = dot(t, vec3(.3, .6, .1));
#if PART == SKIN
  // Cloth charts lie outside the head's chart; within it, grey texels are collars and hair.
  skin = (UV.y < .505 && UV.x < .66) ? smoothstep(.04, .10, t.r-t.b) : 0.;
  if (UV.y >= .505 || UV.x >= .66) a *= mix(cloth_tint, vec3(1), smoothstep(.04, .10, t.r-t.b));
  if (skin > .01) {
    a = mix(a, a*skin_tint*skin_gain, skin);
    vec2 from_mouth = (UV-vec2(.327, .3585))/vec2(.062, .030); float lips = smoothstep(1.1, .75, length(from_mouth));
    a *= mix(vec3(1), lip_tint, lips*smoothstep(.0, .25, t.r-t.g));
    vec2 low = (UV-vec2(.327, .385))/vec2(.13, .075); float jaw = smoothstep(1.1, .7, length(low))*(1-lips);
    a *= 1-beard*jaw*(.75+.25*hash(floor(UV*900.)));
    vec3 bump = texture(normal_texture, UV).xyz*2-1; n = normalize(tangents(n, P, UV)*vec3(bump.xy*.8, bump.z));
  }
#elif PART == CARUNCLES
  skin = .6;
#else
  float depth = smoothstep(-.052, .004, (OBJ-mouth_centre).z);
  ao *= mix(.05, 1., depth*depth)*.85; a *= vec3(.95, .93, .90);
#endif
  vec3 wrap = mix(vec3(.12), vec3(.42, .20, .13), skin);  // red light scatters farthest in skin
  vec3 c = a*sh(n)*mix(vec3(ao), pow(vec3(ao), vec3(.75, 1.05, 1.12)), skin);
  float rough = teeth ? .34 : mix(.7, mix(.46, .36, oil), skin);
  float gloss = teeth ? .45*ao : mix(.25, 1., skin); float nv = max(.05, dot(n, V));
  for (int i = 0; i < 3; i++) {
    vec3 L = light_dir[i]; float d = dot(n, L);
    vec3 w = max((vec3(d)+wrap)/(1+wrap), vec3(0)); w = w*w*(3-2*w)*.35+w*.65;
    vec3 s = (i == 0) ? mix(vec3(sd), pow(vec3(sd), vec3(.55, .95, 1.)), skin) : vec3(1);
    vec3 radiance = light_col[i]*s*mix(1., ao, .5); c += a*radiance*w;
    float nl = max(0., d); vec3 H = normalize(L+V); float nh = max(0., dot(n, H)), vh = max(0., dot(V, H));
    float F = .028+.972*pow(1-vh, 5.), al = rough*rough;
    float s1 = ggx(nh, al)*smith(nl, nv, al), s2 = ggx(nh, al*.45)*smith(nl, nv, al*.45);
    c += radiance*nl*F*(s1*.8+s2*.2*mix(.4, 1., oil))*gloss*mix(.6, 1.15, lum)*3.14159*.6;
  }
  c += sh(reflect(-V, n))*(.028+.25*pow(1-nv, 5.))*ao*gloss*.7;
  return c;
}
#endif

void main() { colour = vec4(shade(normalize(N), normalize(eye-P), shadow()), 1); }
