//! What EC2 announces on the interruption queue (reference section 5.7).
