"""What an agent does to the call itself: hand-over, queue, digits, masking, ending; calls that the engine places."""
