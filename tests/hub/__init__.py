"""A local stand-in for Docker Hub made of real parts. See README.md."""
