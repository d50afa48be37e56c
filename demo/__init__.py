"""The demo: both passes of the engine on a real clip, with a denoiser whose answer is known exactly."""
