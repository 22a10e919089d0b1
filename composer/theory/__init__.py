"""Music theory shared by planner, generators, model data and evaluation: keys, chords, voice-leading, moods."""
