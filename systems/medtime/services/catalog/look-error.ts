/** Why a look at a source came to nothing. Stable: operators and alerts go by them; docs/medtime/catalog.md tells what to do. */
export type LookErrorCode =
  | 'SOURCE_MISSING'
  | 'SOURCE_UNREACHABLE'
  | 'SOURCE_TOO_LARGE'
  | 'SOURCE_TOO_SLOW'
  | 'SOURCE_REFUSED'
  | 'IMPORT_FAILED'

/** Its files could not be had, or not as they have to be. Nothing was changed. */
export class LookError extends Error {
  readonly code: LookErrorCode
  constructor(code: LookErrorCode, options?: ErrorOptions) {
    super(code, options)
    this.name = 'LookError'
    this.code = code
  }
}
