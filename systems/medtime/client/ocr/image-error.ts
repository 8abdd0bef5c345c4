/** Why an image was not read. */
export type ImageErrorCode =
  /** Neither JPEG nor PNG nor WebP. */
  | 'IMAGE_TYPE'
  /** Damaged, or cut off. */
  | 'IMAGE_UNREADABLE'
  /** More pixels than are unpacked here. */
  | 'IMAGE_TOO_LARGE'

export class ImageError extends Error {
  readonly code: ImageErrorCode
  constructor(code: ImageErrorCode) {
    super(code)
    this.name = 'ImageError'
    this.code = code
  }
}
