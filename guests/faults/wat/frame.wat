;; The component around a core module that answers batches by the canonical ABI, byte for byte as it likes. The module
;; takes the place of the line with its name, and exports `memory`, `cabi_realloc`, `cabi_post_handle` and `handle`:
;; fifteen words in, and out the place of a result, which is laid out as
;;
;;   +0 0 for an outcome, 1 for an error   +4 index: place, length   +12 bytes: place, length
;;   +20 failures: place, length           +28 checkpoint: 1 if there is one, then which
;;
;; and a failure as index, 0 retry | 1 drop | 2 dead letter, place and length of the reason.
(component
  (type $batch-info' (record
    (field "stream-name" string) (field "shard-id" string)
    (field "first-sequence-number" string) (field "last-sequence-number" string)
    (field "millis-behind-latest" u64) (field "attempt" u32) (field "generation" u64)))
  (export $batch-info "batch-info" (type $batch-info'))
  (type $packed-batch' (record (field "index" (list u32)) (field "bytes" (list u8))))
  (export $packed-batch "packed-batch" (type $packed-batch'))
  (type $disposition' (variant (case "retry" u32) (case "drop") (case "dead-letter" string)))
  (export $disposition "disposition" (type $disposition'))
  (type $failure' (record (field "index" u32) (field "disposition" $disposition)))
  (export $failure "failure" (type $failure'))
  (type $packed-outcome' (record
    (field "index" (list u32)) (field "bytes" (list u8))
    (field "failures" (list $failure)) (field "checkpoint" (option u32))))
  (export $packed-outcome "packed-outcome" (type $packed-outcome'))
  (type $batch-error' (record (field "retryable" bool) (field "reason" string)))
  (export $batch-error "batch-error" (type $batch-error'))

  MODULE

  (core instance $guest (instantiate $module))
  (func $handle
    (param "info" $batch-info) (param "batch" $packed-batch)
    (result (result $packed-outcome (error $batch-error)))
    (canon lift (core func $guest "handle")
      (memory (core memory $guest "memory"))
      (realloc (core func $guest "cabi_realloc"))
      (post-return (core func $guest "cabi_post_handle"))))
  (instance $exported (export "handle" (func $handle)))
  (export "tidemill:streams/packed-record-handler@0.1.0" (instance $exported)))
