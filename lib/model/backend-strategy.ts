/** What to do where somebody else has a backend of the name that a service wants. */
export type BackendStrategy = 'use_existing' | 'create_new' | 'fail_on_conflict';
