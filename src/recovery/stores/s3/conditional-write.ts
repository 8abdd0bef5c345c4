import { S3Refusal } from './answer.ts'
import { ask, type S3Connection } from './request.ts'

/**
 * What a service does with `If-None-Match: *`: `enforced` for every write; `small-objects-only` when the end of a multipart upload
 * ignores it; `missing` when it is ignored or refused. What is not enforced is replaced by a look before the write, which two writers can
 * both take: only the lease keeps them apart.
 */
export type ConditionalWrites = 'enforced' | 'small-objects-only' | 'missing'

export interface Writer {
  /** Whole key, prefix included. */
  key: string
  token: string
  ifAbsent: boolean
}

const tokenHeader = 'x-amz-meta-aval-put'

export function writerMark({ token }: Writer): Record<string, string> {
  return { [tokenHeader]: token }
}

/** How one bucket is written to under a condition. */
export interface Conditions {
  /** Headers for a write, or `exists` when a look shows that it would replace another's object. */
  before(writer: Writer, what: 'small' | 'large'): Promise<Record<string, string> | 'exists'>
  /** Notes that the service does not know conditions; the write is then to be tried again. */
  unsupported(error: S3Refusal): boolean
  whose(writer: Writer): Promise<'ours' | 'theirs' | 'nobody'>
}

export function conditionsOf(connection: S3Connection, known: ConditionalWrites): Conditions {
  let mode = known
  const whose = async ({ key, token }: Writer) => {
    try {
      const { headers } = await ask(connection, { method: 'HEAD', key })
      return headers[tokenHeader] === token ? 'ours' : 'theirs'
    } catch (error) {
      if (error instanceof S3Refusal && error.status === 404) return 'nobody'
      throw error
    }
  }
  return {
    whose,
    before: async (writer, what) => {
      if (!writer.ifAbsent) return {}
      const header: Record<string, string> = mode === 'missing' ? {} : { 'if-none-match': '*' }
      if (mode === 'enforced' || (mode === 'small-objects-only' && what === 'small')) return header
      return (await whose(writer)) === 'theirs' ? 'exists' : header
    },
    unsupported: ({ status, code }) => {
      if (mode === 'missing' || (status !== 501 && code !== 'NotImplemented')) return false
      mode = 'missing'
      return true
    },
  }
}
