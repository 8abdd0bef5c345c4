import { AvalError, failure } from '../../errors.ts'
import { OtherKeyError } from '../repository/object-header.ts'

/** Adds to a failure for want of a key which backup the keys at hand do open; every other error is left as it is. */
export function withNewestOpenable(error: unknown, newest: string | undefined): unknown {
  if (newest === undefined || !(error instanceof AvalError) || error.code !== 'OBJECT_OTHER_KEY') return error
  const { cause } = error
  if (!(cause instanceof OtherKeyError)) return error
  const opens = `The newest backup that this file opens is ${newest}; as it was made it is restored with --at backup --backup ${newest}.`
  return failure(
    'OBJECT_OTHER_KEY',
    { object: cause.object, sealedWith: cause.sealedWith, held: cause.held.join(', '), opens },
    { cause },
  )
}
