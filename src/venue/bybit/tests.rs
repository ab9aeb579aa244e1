//! Every path of the dialect against hand-written answers.
