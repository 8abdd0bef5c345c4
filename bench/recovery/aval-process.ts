import { readFileSync } from 'node:fs'
import { systemClock } from '../../src/clock.ts'
import { createBackup } from '../../src/recovery/backup/base-backup.ts'
import { once, openRepository } from '../../src/recovery/repository/repository.ts'
import { restore } from '../../src/recovery/restore/restore.ts'
import { directoryStore } from '../../src/recovery/stores/directory-store.ts'

/*
 * One backup or one restore of files in a process of its own, so that its time has the start of a process in it as its rivals' has,
 * and its memory nothing else. Arguments: backup, restore or warm, store, URL or directory. Prints what it did and its peak of memory.
 */

const [what, place = '', target = ''] = process.argv.slice(2)
const repository = await openRepository({
  store: directoryStore(place),
  key: new Uint8Array(32).fill(5),
  system: 'bench',
})
if (what === 'warm') await repository.put('probe/warm', once(Buffer.alloc(1)), { size: 'large' })
else if (what === 'backup') await createBackup({ url: target, repository, clock: systemClock })
else await restore({ repository, to: target, at: 'latest', clock: systemClock })
const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
process.stdout.write(JSON.stringify({ peakBytes: Number(peak) * 1024 }))
