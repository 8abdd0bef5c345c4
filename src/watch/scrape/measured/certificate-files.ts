import type { Clock } from '../../../clock.ts'
import { fileCertificateDays } from '../probes/certificate.ts'
import { reading, type Target } from '../reading.ts'

/**
 * Days until the certificates of files expire, by the names they are given here. One that cannot be read leaves out none of the others.
 * @param files by name, such as `gateway`.
 */
export function certificateFilesTarget(options: {
  files: Readonly<Record<string, string>>
  instance: string
  everyMs: number
  timeoutMs: number
  clock: Clock
}): Target {
  const { files, instance, everyMs, timeoutMs, clock } = options
  return {
    job: 'certificates',
    instance,
    everyMs,
    timeoutMs,
    own: true,
    read: async () => {
      const found = await Promise.all(
        Object.entries(files).map(async ([certificate, file]) => {
          const days = await fileCertificateDays(file, clock.now()).catch(() => undefined)
          const readable = reading('aval_certificate_readable', days === undefined ? 0 : 1, { certificate })
          return days === undefined
            ? [readable]
            : [readable, reading('aval_certificate_file_days_remaining', days, { certificate })]
        }),
      )
      return found.flat()
    },
  }
}
