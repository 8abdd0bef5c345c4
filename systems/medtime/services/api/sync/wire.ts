import { z } from 'zod'
import { errorAnswer } from '../http/error-answer.ts'

/*
 * The contract of the API, in one place: requests are checked against these schemas, the description at /openapi.json is made
 * from them, and the types of the code follow from them.
 */

/** A blob may hold 1 MB. */
export const blobLimit = 1_048_576
/** Entities of one push, and of one page. */
export const batchLimit = 100
export const defaultPage = 50
/** Bytes of blobs in one page, but for its first entity. */
export const pageBytes = 4 * 1_048_576
/** Bytes of one request. */
export const bodyLimit = 8 * 1_048_576
/** How much earlier than asked `since` begins: clocks differ, and a change gets its time before it can be seen. */
export const sinceOverlapMs = 120_000

const uuid = z.string().regex(/^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/)
const deviceId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
const entityType = z.string().regex(/^[a-z0-9_]{1,64}$/)
const keyId = z.string().regex(/^[\x21-\x7e]{1,64}$/)
const checksum = z.string().regex(/^[0-9a-fA-F]{64}$/)
const version = z.int().min(1).max(2_147_483_647)
const epoch = z.int().min(1)
const cursor = z.string().describe('Opaque; belongs to one user and one epoch.')

const pushEntity = z.strictObject({
  id: uuid,
  entity_type: entityType,
  version: version.describe('The version this write creates.'),
  base_version: z
    .int()
    .min(0)
    .max(2_147_483_646)
    .describe(
      'The version this write replaces, 0 for none: below `version`, which is one more unless told. A client that brings ' +
        'back what a restore lost says here what the server holds instead.',
    )
    .optional(),
  deleted: z.boolean(),
  key_id: keyId,
  encrypted_blob: z.string().describe('Base64, standard alphabet, padded; 1 byte to 1 MB.'),
  checksum: checksum.describe('SHA-256 of the bytes of the blob, hex.'),
})

export const pushRequest = z.strictObject({
  device_id: deviceId,
  epoch: epoch
    .describe('The epoch the client knows; the push is refused with EPOCH_CHANGED in another. Left out: in any.')
    .optional(),
  entities: z.array(pushEntity).min(1).max(batchLimit),
})

export const rotateRequest = z.strictObject({
  device_id: deviceId,
  epoch: epoch.describe('The epoch the client knows; refused with EPOCH_CHANGED in another.').optional(),
  rotation: uuid.describe('Chosen by the client; the same in every request of one rotation.'),
  entity_types: z.array(entityType).min(1).max(64).describe('All types of the collection.'),
  key_id: keyId.describe('The new key.'),
  entities: z
    .array(pushEntity)
    .max(batchLimit)
    .describe('Sealed under the new key; `base_version` is what each was made from.'),
  commit: z.boolean().describe('These were the last: put all of them in place.'),
})

export const pullQuery = z.strictObject({
  cursor: cursor.optional(),
  since: z.iso
    .datetime({ offset: true })
    .describe('Changes from two minutes before this time on. Not together with a cursor.')
    .optional(),
  limit: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(batchLimit))
    .default(defaultPage),
  device_id: deviceId.describe('Notes in /sync/status how far this device is.').optional(),
})

export const eventsQuery = z.strictObject({
  device_id: deviceId.describe('Of one device there is one stream: a new one ends the one before.'),
})

const conflict = z.object({
  id: uuid,
  reason: z.literal('version'),
  server_version: z.int().min(0).describe('0 when the server does not hold the entity.'),
  server_checksum: z.string().describe('Empty when the server does not hold the entity.'),
})

const rejection = z.object({
  index: z.int(),
  id: uuid,
  reason: z.enum(['checksum', 'too_large', 'format', 'duplicate', 'empty']),
  detail: z.string(),
})

const pulledEntity = z.object({
  id: uuid,
  entity_type: entityType,
  version,
  deleted: z.boolean(),
  key_id: keyId,
  encrypted_blob: z.string(),
  checksum,
  client_id: deviceId.describe('The device that wrote it.'),
  updated_at: z.iso.datetime(),
  epoch: epoch.describe('The epoch it was written in.'),
})

export const pushAnswer = z.object({
  synced: z.int().describe('Entities the server holds now, replayed ones included.'),
  conflicts: z.array(conflict).max(0),
  cursor: cursor.describe(
    'Stands after this push. Changes of other devices may lie before it: a client goes on pulling from the cursor it pulled to.',
  ),
  epoch,
})
export const conflictAnswer = errorAnswer.extend({
  synced: z.literal(0),
  conflicts: z.array(conflict).min(1),
  rejected: z.array(rejection).max(0),
})
export const rejectedAnswer = errorAnswer.extend({
  synced: z.literal(0),
  conflicts: z.array(conflict),
  rejected: z.array(rejection).min(1),
})
export const pullAnswer = z.object({
  entities: z.array(pulledEntity).max(batchLimit),
  cursor,
  has_more: z.boolean(),
  epoch,
})
export const epochAnswer = errorAnswer.extend({ epoch, cursor: cursor.describe('The start of the new epoch.') })
export const statusAnswer = z.object({
  epoch,
  cursor: cursor.describe('Stands after every change there is.'),
  devices: z.array(
    z.object({
      device_id: deviceId,
      last_sync_at: z.iso.datetime(),
      sync_version: z.int().describe('Number of the last change it made or was given.'),
      vector: z.record(deviceId, z.int()).describe('By device: the number up to which it has every change made there.'),
    }),
  ),
})

export const rotateAnswer = z.object({
  staged: z.int().describe('Entities that lay ready, these included.'),
  rotated: z.int().describe('Entities that are in place; 0 until the last request.'),
  epoch,
})
/** A conflict of entities, or of a rotation: what stands in the way is named. */
export const incompleteAnswer = errorAnswer.extend({
  entities: z
    .array(
      z.object({
        id: uuid,
        reason: z
          .enum(['missing', 'changed', 'not_due'])
          .describe('Not laid ready; written since; or nothing that gets this key.'),
      }),
    )
    .min(1)
    .max(1_000),
  total: z.int(),
})

export const configAnswer = z.object({
  page: z.object({
    default: z.int(),
    max: z.int().describe('Entities of one page.'),
    bytes: z.int().describe('Bytes of blobs of one page, but for its first entity.'),
  }),
  batch: z.object({
    max: z.int().describe('Entities of one push.'),
    body_bytes: z.int().describe('Bytes of one request, compressed or not.'),
    blob_bytes: z.int().describe('Bytes of one blob.'),
  }),
  quota_bytes: z.int().describe("Bytes that a user of the token's tier may hold."),
  compression: z.object({
    requests: z.array(z.string()).describe('What Content-Encoding of a request may be.'),
    answers: z.array(z.string()).describe('What an answer is compressed with when Accept-Encoding allows it.'),
    above_bytes: z.int().describe('Below this nothing is gained.'),
  }),
})

export type ConfigAnswer = z.output<typeof configAnswer>
export type PushRequest = z.output<typeof pushRequest>
export type RotateRequest = z.output<typeof rotateRequest>
export type RotationFault = z.output<typeof incompleteAnswer>['entities'][number]
export type PushEntity = PushRequest['entities'][number]
export type Conflict = z.output<typeof conflict>
export type Rejection = z.output<typeof rejection>
export type PullAnswer = z.output<typeof pullAnswer>
export type StatusAnswer = z.output<typeof statusAnswer>
