//! What has lost its other half goes: claims without instances, instances without claims (reference section 3.6).
