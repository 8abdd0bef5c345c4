import { compressAbove } from '../encoding/answer.ts'
import { requestEncodings } from '../encoding/request-body.ts'
import type { Identity } from '../identity/token.ts'
import { quotaOf } from './quota.ts'
import { batchLimit, blobLimit, bodyLimit, type ConfigAnswer, defaultPage, pageBytes } from './wire.ts'

/** What the service takes and gives, so that a client need not know it from elsewhere. */
export function configOf(tier: Identity['tier']): ConfigAnswer {
  return {
    page: { default: defaultPage, max: batchLimit, bytes: pageBytes },
    batch: { max: batchLimit, body_bytes: bodyLimit, blob_bytes: blobLimit },
    quota_bytes: quotaOf(tier),
    compression: {
      requests: [...requestEncodings],
      answers: [...requestEncodings],
      above_bytes: compressAbove,
    },
  }
}
