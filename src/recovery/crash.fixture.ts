import { systemClock } from '../clock.ts'
import { createBackup } from './backup/base-backup.ts'
import { repositoryKey } from './cluster.fixture.ts'
import { openRepository } from './repository/repository.ts'
import { restore } from './restore/restore.ts'
import { directoryStore } from './stores/directory-store.ts'

/** A backup or a restore in a process of its own, for tests that kill it. Arguments: what, store, URL or directory. */
const [what, store = '', target = ''] = process.argv.slice(2)
const repository = await openRepository({ store: directoryStore(store), key: repositoryKey, system: 'shop' })
const onProgress = ({ bytes }: { bytes: number }) => process.stdout.write(`${bytes}\n`)
if (what === 'backup') await createBackup({ url: target, repository, clock: systemClock, onProgress })
else await restore({ to: target, at: 'latest', repository, clock: systemClock, onProgress })
process.stdout.write('done\n')
