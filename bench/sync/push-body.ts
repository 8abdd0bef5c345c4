import { createHash, randomBytes } from 'node:crypto'

/** Of the blob of an entity. */
const entityBytes = 1_024

/** Bodies differ in their ids and versions only: encryption is the clients' work, and not what is measured. */
const blobs = Array.from({ length: 200 }, () => {
  const blob = randomBytes(entityBytes)
  const checksum = createHash('sha256').update(blob).digest('hex')
  return `"encrypted_blob":"${blob.toString('base64')}","checksum":"${checksum}"`
})

/** The body of a push of these entities, each with a blob of 1 KB. */
export function pushBody(n: number, entities: readonly { id: string; version: number }[]): string {
  const members = entities.map(
    ({ id, version }, index) =>
      `{"id":"${id}","entity_type":"medication","version":${version},"deleted":false,"key_id":"key-1",${blobs[(n + index) % blobs.length]}}`,
  )
  return `{"device_id":"bench","entities":[${members.join(',')}]}`
}
