//! EC2NodeClasses: what their selectors find, whether they are ready, their hash (reference section 5.6).
