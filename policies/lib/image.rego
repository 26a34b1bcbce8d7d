package lib.image

# `registry:5000/app` has no tag: a port is not one.
last_segment(image) = segment {
  segments := split(split(image, "@")[0], "/")
  segment := segments[count(segments) - 1]
}

tag(image) = found {
  segment := last_segment(image)
  at := indexof(segment, ":")
  at >= 0
  found := substring(segment, at + 1, -1)
}

has_digest(image) { contains(image, "@sha256:") }

has_digest(image) { contains(image, "@sha512:") }
