import { Ellipsis, Pencil, Trash2, TriangleAlert } from 'lucide-react'
import type { Mount } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { useMedia } from '~/hooks/use-media'
import { texts } from '~/i18n/texts'
import { Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Menu, MenuItem, MenuLine } from '~/ui/menu'
import { count } from '~/util/format'
import { visible, visibleLines } from '~/util/visible'

const t = texts('mounts')

interface Acts {
  onChange: (mount: Mount) => void
  onDelete: (mount: Mount) => void
}

/** What there is, where it lies and for whom; on a phone one under the other. */
export function MountTable({ mounts, ...acts }: Acts & { mounts: Mount[] }) {
  return (
    <table className="tbl table-fixed">
      <thead>
        <tr>
          <th>{t('col.name')}</th>
          <th className="w-72 max-lg:hidden">{t('col.paths')}</th>
          <th className="w-64 max-md:hidden">{t('col.offered')}</th>
          <th className="r w-24 max-sm:hidden">{t('col.servers')}</th>
          <th className="w-36 max-sm:w-15">
            <span className="sr-only">{t('col.actions')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {mounts.map((mount) => (
          <tr key={mount.id}>
            <td>
              <div className="py-2">
                <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
                  <span className="min-w-0 truncate leading-[18px] font-medium">{mount.name}</span>
                  <Tag>{mount.read_only ? t('read_only') : t('writable')}</Tag>
                  {mount.self_service && <Tag>{t('self_service')}</Tag>}
                </div>
                <div className="truncate text-12 text-t3" title={visibleLines(mount.description)}>
                  {visible(mount.description)}
                </div>
                <div className="lg:hidden">
                  <Paths mount={mount} />
                </div>
                <div className="whitespace-normal md:hidden">
                  <Offered mount={mount} />
                </div>
              </div>
            </td>
            <td className="max-lg:hidden">
              <Paths mount={mount} />
            </td>
            <td className="max-md:hidden">
              <div className="py-2 whitespace-normal">
                <Offered mount={mount} />
              </div>
            </td>
            <td className="r max-sm:hidden">{count(mount.servers)}</td>
            <td>
              <Actions mount={mount} {...acts} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Paths({ mount }: { mount: Mount }) {
  return (
    <>
      <div className="mono truncate text-12" title={visible(mount.source)}>
        {visible(mount.source)}
      </div>
      <div className="mono truncate text-12 text-t3" title={visible(mount.target)}>
        {visible(mount.target)}
      </div>
    </>
  )
}

function where({ all_nodes: all, nodes, locations }: Mount): string {
  const [n, places] = [nodes.length, locations.length]
  if (all) return t('where.all')
  if (n > 0 && places > 0) return t('where.both', { n, places })
  if (n > 0) return t('where.nodes', { n })
  return places > 0 ? t('where.places', { n: places }) : t('where.none')
}

function toWhom({ all_eggs: all, eggs }: Mount): string {
  if (all) return t('to.all')
  return eggs.length > 0 ? t('to.eggs', { n: eggs.length }) : t('to.none')
}

function Offered({ mount }: { mount: Mount }) {
  const named = (rows: Mount['nodes']) => rows.map(({ name }) => visible(name)).join(', ')
  return (
    <>
      <div className="text-12" title={named([...mount.nodes, ...mount.locations]) || undefined}>
        {where(mount)}
      </div>
      <div className="text-12 text-t3" title={named(mount.eggs) || undefined}>
        {toWhom(mount)}
      </div>
      {mount.refusing > 0 && (
        <div
          className="flex items-center gap-1.5 text-12 text-warn-fg"
          title={t('refusing_which', { names: named(mount.refusing_nodes) })}
        >
          <TriangleAlert aria-hidden="true" size={12} className="shrink-0" />
          {t('refusing', { n: mount.refusing })}
        </div>
      )}
    </>
  )
}

function Actions({ mount, onChange, onDelete }: Acts & { mount: Mount }) {
  const { may } = useMay()
  const phone = useMedia('(max-width: 639px)')
  const { name } = mount
  const change = may('mount.update') ? false : t('off.update')
  return (
    <span className="flex items-center justify-end gap-1">
      {!phone && (
        <Button size="sm" off={change} aria-label={t('change_of', { name })} onClick={() => onChange(mount)}>
          {t('change')}
        </Button>
      )}
      <Menu
        trigger={
          <Button
            size="sm"
            look="quiet"
            iconOnly
            icon={Ellipsis}
            aria-label={t('more', { name })}
            className="-mr-1.5 max-sm:-mr-3"
          />
        }
      >
        {phone && (
          <>
            <MenuItem icon={Pencil} off={change} onSelect={() => onChange(mount)}>
              {t('change')}
            </MenuItem>
            <MenuLine />
          </>
        )}
        <MenuItem
          icon={Trash2}
          danger
          off={
            may('mount.delete') ? mount.servers > 0 && t('off.in_use', { n: mount.servers }) : t('off.delete')
          }
          onSelect={() => onDelete(mount)}
        >
          {t('delete')}
        </MenuItem>
      </Menu>
    </span>
  )
}
