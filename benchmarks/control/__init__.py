"""Whether a weak edge ControlNet in the resampler helps a restyle, as most recipes have one."""
