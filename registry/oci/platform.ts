/** What an image runs on. Names are Go's: `linux`, `amd64`, variant `v7`. (image-spec, image-index.md) */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
}
