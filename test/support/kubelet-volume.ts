/**
 * A volume as kubelet writes it (its AtomicWriter): a new directory `..<time>`, the symlink
 * `..data_tmp` renamed over `..data`, symlinks `name -> ..data/name` for users, and only then the old
 * directory removed. Every read through `..data` sees one version whole.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type VolumeFiles = Readonly<Record<string, string | Uint8Array>>;

export interface KubeletVolume {
  readonly directory: string;
  /** Swaps the whole content, as an update of the ConfigMap does. */
  write(files: VolumeFiles): Promise<void>;
}

/** `directory` may not exist yet: it is made by the first `write`. */
export function createKubeletVolume(directory: string): KubeletVolume {
  const at = (name: string) => join(directory, name);
  return {
    directory,
    async write(files) {
      await mkdir(directory, { recursive: true });
      const old = await readlink(at('..data')).catch(() => undefined);

      const version = versionName(new Date());
      await mkdir(at(version));
      for (const [name, content] of Object.entries(files)) {
        await writeFile(join(at(version), name), content);
      }
      await rm(at('..data_tmp'), { force: true });
      await symlink(version, at('..data_tmp'));
      await rename(at('..data_tmp'), at('..data'));

      const visible = (await readdir(directory)).filter((name) => !name.startsWith('..'));
      for (const name of Object.keys(files)) {
        if (!visible.includes(name)) await symlink(join('..data', name), at(name));
      }
      for (const name of visible) if (!Object.hasOwn(files, name)) await rm(at(name));
      if (old !== undefined) await rm(at(old), { recursive: true });
    },
  };
}

/** `..2026_11_22_14_05_09.123456789` */
function versionName(now: Date): string {
  const time = now.toISOString().slice(0, 19).replace(/[-T:]/g, '_');
  return `..${time}.${randomBytes(4).readUInt32BE(0)}`;
}
