//! What every selector must keep, as a function that any implementation can be run through.
