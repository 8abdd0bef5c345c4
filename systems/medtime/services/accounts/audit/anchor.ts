import { timingSafeEqual } from 'node:crypto'
import type { Run } from '../../api/database.ts'
import type { Job } from '../../api/jobs/job.ts'
import type { Sealing } from '../sealing/seal.ts'

interface Anchor {
  sequence: string
  hash: Buffer
  made_at: Date
  signature: Buffer
}

/** Anchors whose signature is looked at each time: those of some days. */
const lookedAt = 1_000

/** The log of accounts is not what it was when it was anchored. Nothing is anchored until somebody has looked. */
export class AuditCut extends Error {
  readonly code = 'AUDIT_BROKEN'
}

/**
 * Signs the end of the log of accounts every ten minutes when it has grown, after a look whether the log still bears out what was signed
 * before. The key is not in the database. Whoever removes the last anchors along with the end of the log is seen by an instance that
 * runs since before; afterwards only by whoever keeps anchors elsewhere.
 * @throws AuditCut from the work
 */
export function anchorJob(sealing: Sealing): Job {
  let newest = 0n
  const sign = ({ sequence, hash, made_at }: Omit<Anchor, 'signature'>) =>
    sealing.mac('audit anchor', `${sequence} ${hash.toString('hex')} ${made_at.toISOString()}`)
  const look = async (run: Run): Promise<bigint> => {
    const anchors = await run<Anchor>(
      'audit anchors',
      'SELECT sequence, hash, made_at, signature FROM public.srv_audit_anchors ORDER BY sequence DESC LIMIT $1',
      [lookedAt],
    )
    if (!anchors.every((anchor) => timingSafeEqual(sign(anchor), anchor.signature))) throw new AuditCut()
    const [broken] = await run<{ at: string | null }>('verify anchors', 'SELECT public.srv_verify_anchors() AS at', [])
    const last = BigInt(anchors[0]?.sequence ?? 0)
    if (broken?.at != null || last < newest) throw new AuditCut()
    return last
  }
  return {
    name: 'audit-anchor',
    schedule: '*/10 * * * *',
    work: async ({ run, now }) => {
      const last = await look(run)
      const [end] = await run<{ sequence: string; hash: Buffer }>(
        'audit end',
        'SELECT * FROM public.srv_audit_end()',
        [],
      )
      newest = last
      if (end === undefined || BigInt(end.sequence) <= last) return 0
      const anchor = { ...end, made_at: now }
      await run(
        'keep anchor',
        'INSERT INTO public.srv_audit_anchors (sequence, hash, made_at, signature) VALUES ($1, $2, $3, $4)',
        [anchor.sequence, anchor.hash, anchor.made_at, sign(anchor)],
      )
      await run('forget anchors', `DELETE FROM public.srv_audit_anchors WHERE made_at < now() - interval '6 years'`, [])
      newest = BigInt(end.sequence)
      return 1
    },
  }
}
