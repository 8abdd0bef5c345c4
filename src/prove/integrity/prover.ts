import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { recoverFromLoss, storeAfterLoss } from '../recovery/aftermath.ts'
import type { Inspection } from './inspection.ts'
import { countBreaches } from './invariant.ts'
import { corruptIndex, inspectPages } from './pages.ts'
import { inspectStore, tryEveryDamage } from './tampering.ts'

/** Whether what was restored is what was kept: the store, the pages, and the plan's own invariants. */
export const integrityProver: Prover = {
  kind: 'integrity',
  accepts: (guarantee) => ['backups', 'restored', 'database'].includes(guarantee.subject),
  async *prove(guarantees, session) {
    for (const guarantee of guarantees) yield await inspect(guarantee, session)
  },
  mutants: [
    {
      id: 'store-byte-flipped',
      fault: 'byte-flipped',
      description: 'One byte of the backup is flipped in the store',
      breaks: (guarantees) => guarantees.find((guarantee) => guarantee.id === 'integrity/backups/sound'),
    },
    {
      id: 'store-wal-removed',
      fault: 'wal-segment-removed',
      description: 'A WAL segment is missing from the store',
      breaks: (guarantees) => guarantees.find((guarantee) => guarantee.id === 'integrity/backups/sound'),
    },
    {
      id: 'verify-skips',
      fault: 'verify-skips',
      description: 'Verification reads an old copy of an object in place of the object',
      breaks: (guarantees) => guarantees.find((guarantee) => guarantee.id === 'integrity/backups/every-byte'),
    },
    {
      id: 'index-corrupted',
      fault: 'index-corrupted',
      description: 'Bytes of an index are overwritten on disk after the restore',
      breaks: (guarantees) => guarantees.find((guarantee) => guarantee.id === 'integrity/restored/pages'),
    },
  ],
}

async function inspect(guarantee: Guarantee, session: ProofSession): Promise<Finding> {
  const { clock } = session
  const startedAt = clock.now()
  try {
    const found = await question(guarantee, session)
    return {
      guarantee,
      outcome: 'measured',
      measured: found.violations,
      sample: found.sample,
      scale: null,
      steps: found.steps,
      reason: found.reason,
      remedy: 'The steps name what is damaged; restore from an older backup and keep the damaged store for inspection',
      startedAt,
      tookMs: clock.now() - startedAt,
    }
  } catch (error) {
    return {
      guarantee,
      outcome: 'inconclusive',
      steps: [],
      reason: `The check could not run: ${messageOf(error)}`,
      remedy: 'Prove recovery first: integrity is judged on what it restores',
      startedAt,
      tookMs: clock.now() - startedAt,
    }
  }
}

async function question(guarantee: Guarantee, session: ProofSession): Promise<Inspection> {
  const steps = session.steps(guarantee.id)
  switch (guarantee.id) {
    case 'integrity/backups/sound':
      return inspectStore(await storeAfterLoss(session), steps)
    case 'integrity/backups/every-byte':
      return tryEveryDamage(await storeAfterLoss(session), session, steps)
    case 'integrity/restored/pages': {
      await recoverFromLoss(session)
      const environment = await session.scratch.environment()
      if (session.faults.has('index-corrupted')) await corruptIndex(environment, session.clock)
      return inspectPages(environment.server.url({ database: environment.database.name }), steps)
    }
    default: {
      const failed = await recoverFromLoss(session).then(
        () => undefined,
        (thrown: unknown) => ({ thrown }),
      )
      const environment = await session.scratch.environment()
      const url = environment.server.url({ database: environment.database.name })
      const found = await countBreaches(guarantee, session.system.plan, url, steps)
      // What a recovery stumbles over may be this very breach, which is one wherever it is found; that there is none says nothing then.
      if (failed !== undefined && found.violations === 0) throw failed.thrown
      return found
    }
  }
}
