"""Authorization: whether the user may make the request, by SubjectAccessReview."""
