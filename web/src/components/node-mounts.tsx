import type { Node } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Card, CardHead } from '~/ui/bits'
import { visible } from '~/util/visible'

const t = texts('server_mounts')

/** Directories below which the machine's own settings allow mounts: said by it, and changed there alone. */
export function NodeMounts({ node }: { node: Node }) {
  const roots = node.host.allowed_mounts
  return (
    <Card>
      <CardHead title={t('node.title')} note={roots.length > 0 ? roots.length : undefined} />
      {roots.length === 0 ? (
        <p className="px-4 py-3 text-t2">{t('node.none')}</p>
      ) : (
        <ul className="mono px-4 py-2 text-12">
          {roots.map((root) => (
            <li key={root} className="py-1 [overflow-wrap:anywhere]">
              {visible(root)}
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}
