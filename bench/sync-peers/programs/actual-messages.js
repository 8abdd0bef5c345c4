import { create, fromBinary, SyncRequestSchema, SyncResponseSchema, toBinary } from '@actual-app/crdt'

/** The messages of Actual's sync as its own package writes and reads them. */
export function encodeRequest(request) {
  return toBinary(SyncRequestSchema, create(SyncRequestSchema, request))
}

export function decodeResponse(bytes) {
  return fromBinary(SyncResponseSchema, bytes).messages
}
