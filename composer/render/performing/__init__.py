"""What players do that no score says: phrase, articulate, breathe, be a little early or late, swell, pedal.

Read in this order: `desk` (what a player knows), `shaping` (how loud), `articulation` and `breathing` (how long), `timing` (when),
`strokes`, `expression`, `fading` and `pedal` (controllers). `composer.render.perform` is the door. docs/performing.md tells why.
"""
