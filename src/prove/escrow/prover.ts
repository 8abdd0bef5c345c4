import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import { readableMs } from '../../plan/readable-duration.ts'
import { formatBytes } from '../../plan/units.ts'
import { createBackup } from '../../recovery/backup/base-backup.ts'
import { listBackups } from '../../recovery/repository/list-backups.ts'
import { openRepository } from '../../recovery/repository/repository.ts'
import { type Rehearsal, rehearseEscrow } from '../../recovery/restore/rehearse-escrow.ts'
import { directoryStore } from '../../recovery/stores/directory-store.ts'
import { parseIdentities } from '../../secrets/age.ts'
import { loadKeyRing } from '../../secrets/key-file.ts'
import { rotateRing } from '../../secrets/key-ring.ts'
import { secret } from '../../secrets/secret.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { placeInCustody } from '../recovery/custody.ts'
import { ScenarioUnready } from '../recovery/scenario-error.ts'
import { type Site, siteOf } from '../recovery/site.ts'

/** Whether the escrow copy of the key is enough when the key file is gone. */
export const escrowProver: Prover = {
  kind: 'recovery',
  isLong: () => true,
  accepts: ({ id }) => id === 'recovery/key/escrow',
  async *prove(guarantees, session) {
    for (const guarantee of guarantees) yield await judge(guarantee, session)
  },
  mutants: [
    {
      id: 'escrow-copy-outdated',
      fault: 'escrow-copy-outdated',
      description: 'The escrow copy was made before the key was rotated',
      breaks: (guarantees) => guarantees.find(({ id }) => id === 'recovery/key/escrow'),
      says: /key/,
    },
  ],
}

async function judge(guarantee: Guarantee, session: ProofSession): Promise<Finding> {
  const { clock } = session
  const startedAt = clock.now()
  const common = () => ({
    guarantee,
    steps: [...session.steps('recovery').done(), ...session.steps('recovery/key').done()],
    startedAt,
    tookMs: clock.now() - startedAt,
  })
  try {
    const site = await siteOf(session)
    const { rehearsal, newest } = await rehearse(session, site)
    const broken = rehearsal.backup === newest ? undefined : `It brought ${rehearsal.backup} back in place of ${newest}`
    return {
      ...common(),
      outcome: 'measured',
      measured: broken === undefined ? 0 : 1,
      sample: { size: rehearsal.databases, of: 'databases served from what the copy alone had opened' },
      scale: null,
      reason: `${formatBytes(rehearsal.bytes)} of ${rehearsal.backup} came back with the copy alone and served after ${readableMs(rehearsal.tookMs)}`,
      broken,
      remedy,
    }
  } catch (error) {
    session.signal.throwIfAborted()
    const unready = error instanceof ScenarioUnready
    return {
      ...common(),
      outcome: unready ? 'inconclusive' : 'failed',
      reason: unready ? messageOf(error) : `The copy did not bring the newest backup back: ${messageOf(error)}`,
      remedy: unready ? `Prove it by itself: --only ${guarantee.id}` : remedy,
    }
  }
}

const remedy =
  'Make a new copy with `aval key escrow` after every `aval key rotate`, and try it with `aval key rehearse`'

/** Seals a copy to an identity made for it, takes the key file away, and restores with what is left. */
async function rehearse(session: ProofSession, site: Site): Promise<{ rehearsal: Rehearsal; newest: string }> {
  const { clock, system, scratch, signal } = session
  const { environment, keyFile } = site
  const steps = session.steps('recovery/key')
  const custody = await steps.do('escrow copy made', () => placeInCustody(join(scratch.directory, 'escrow'), keyFile))
  const newest = session.faults.has('escrow-copy-outdated')
    ? await backupUnderNewKey(session, site)
    : (await listBackups(site.repository)).at(-1)?.id
  if (newest === undefined) throw new ScenarioUnready('The repository holds no backup')
  const away = `${keyFile}.away`
  await rename(keyFile, away)
  try {
    const rehearsal = await steps.do(
      'restored without the key file, with the copy alone',
      async () =>
        rehearseEscrow({
          store: directoryStore(site.storeDirectory),
          system: system.name,
          copy: await readFile(custody.copy, 'utf8'),
          file: custody.copy,
          identities: (await parseIdentities(await readFile(custody.identity, 'utf8'), custody.identity)).map(secret),
          binaries: async () => environment.binaries,
          clock,
          signal,
        }),
      ({ backup, tookMs }) => `${backup}, served after ${readableMs(tookMs)}`,
    )
    return { rehearsal, newest }
  } finally {
    await rename(away, keyFile)
  }
}

/** A mutant: the key is replaced after the copy was made, and what is stored from then on opens with the new one alone. */
async function backupUnderNewKey(session: ProofSession, site: Site): Promise<string> {
  const { clock, system, signal } = session
  const key = rotateRing(await loadKeyRing(site.keyFile))
  const repository = await openRepository({ store: directoryStore(site.storeDirectory), key, system: system.name })
  const url = site.environment.server.url()
  return (await createBackup({ url, repository, clock, signal, receiver: await site.archive() })).id
}
