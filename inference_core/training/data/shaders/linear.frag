#version 330
// SPDX-License-Identifier: GPL-3.0-or-later
// The background at each sample of a scene, linear: once for all pictures that have it.
uniform sampler2D background;
uniform vec2 size; out vec4 o;
void main() { o = vec4(pow(texture(background, gl_FragCoord.xy/size).rgb, vec3(2.2)), 1); }
