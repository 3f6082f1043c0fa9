"""What a face does, in numbers: landmarks, pose, gaze and coefficients of expression."""
