/** Thrown for something in a list of which only a file system can tell how it comes out. Packing gives up then, and a folder is made. */
export class NeedsFolder extends Error {
  override readonly name = 'NeedsFolder';
}
