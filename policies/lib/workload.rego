package lib.workload

# Where the pods of a kind are described. Any other kind that holds containers (a Rollout, an operator's own) is searched.
pod_path = ["spec"] { input.review.kind.kind == "Pod" }

pod_path = ["template", "spec"] { input.review.kind.kind == "PodTemplate" }

pod_path = ["spec", "jobTemplate", "spec", "template", "spec"] { input.review.kind.kind == "CronJob" }

pod_path = ["spec", "template", "spec"] { template_kinds[input.review.kind.kind] }

template_kinds = {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"}

# Every pod description of the object, under its path.
pods[path] = spec {
  path := pod_path
  spec := object.get(input.review.object, path, null)
  is_object(spec)
}

pods[path] = spec {
  not pod_path
  walk(input.review.object, [path, spec])
  is_array(spec.containers)
  is_string(spec.containers[_].image)
}

# Every container with its path: init and ephemeral ones count, unless the policy says otherwise.
containers[{"path": path, "container": container}] {
  spec := pods[above]
  field := ["containers", "initContainers", "ephemeralContainers"][_]
  container := spec[field][index]
  path := array.concat(above, [field, index])
  not exempt(container)
}

# Containers that the user may leave out: `exemptImages` of the constraint, where `*` ends a prefix.
exempt(container) {
  pattern := input.parameters.exemptImages[_]
  not endswith(pattern, "*")
  container.image == pattern
}

exempt(container) {
  pattern := input.parameters.exemptImages[_]
  endswith(pattern, "*")
  startswith(container.image, trim_suffix(pattern, "*"))
}

# The pod's name is not always known yet; its containers' names are.
name(container) = object.get(container, "name", "?")
