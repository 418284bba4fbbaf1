"""ProgramDesc, the format that Paddle wrote before version 3."""
