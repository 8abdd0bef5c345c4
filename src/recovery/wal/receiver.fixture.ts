import { systemClock } from '../../clock.ts'
import { repositoryKey } from '../cluster.fixture.ts'
import { openRepository } from '../repository/repository.ts'
import { directoryStore } from '../stores/directory-store.ts'
import { startWalReceiver } from './wal-receiver.ts'

/**
 * A receiver in a process of its own, for tests that kill it. Arguments: URL, store, spool, and `stored` for one that commits wait for
 * until the store has them.
 */
const [url = '', store = '', spool = '', acknowledge] = process.argv.slice(2)
const repository = await openRepository({ store: directoryStore(store), key: repositoryKey, system: 'shop' })
const receiver = await startWalReceiver({
  url,
  repository,
  spool,
  slot: 'aval_shop',
  clock: systemClock,
  heartbeatMs: 100,
  pieceEveryMs: 50,
  ...(acknowledge === 'stored' ? { acknowledge, synchronous: { url, whenAway: 'wait' } as const } : {}),
})
process.stdout.write('receiving\n')
process.on('SIGTERM', () => void receiver.stop().then(() => process.exit(0)))
