import { createHash } from 'node:crypto'

/**
 * A validator of an answer, RFC 9110 §8.8.3. It is made of the answer alone and shows nothing of the request; weak, since the
 * answer may be compressed or not.
 */
export function etagOf(answer: string): string {
  return `W/"${createHash('sha256').update(answer).digest('base64url').slice(0, 22)}"`
}

/** Whether the client has this very answer already, by its If-None-Match. */
export function isHeld(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false
  const bare = (tag: string) => tag.trim().replace(/^W\//, '')
  return ifNoneMatch.split(',').some((each) => each.trim() === '*' || bare(each) === bare(etag))
}
