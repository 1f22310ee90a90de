import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { Download, Plus } from 'lucide-react'
import { useState } from 'react'
import { api, BASE, must } from '~/api/client'
import { eggQuery } from '~/api/eggs'
import { keys, queryClient } from '~/api/queries'
import { EggNest } from '~/components/egg-nest'
import { Page, PageHead } from '~/components/page-head'
import { PageProblem } from '~/components/page-states'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { toast } from '~/stores/toasts'
import { Card, CardHead, Facts, Tag } from '~/ui/bits'
import { Button, buttonClass } from '~/ui/button'
import { Confirm } from '~/ui/dialog'
import { Ago } from '~/ui/time'
import { ruleWords } from '~/util/rules'
import { visible, visibleLines } from '~/util/visible'

const t = texts('eggs')
const nests = texts('nests')

export function EggPage() {
  const { egg: id } = useParams({ from: '/app/eggs/$egg' })
  const query = useQuery(eggQuery(id))
  const navigate = useNavigate()
  const [asking, setAsking] = useState(false)
  const egg = query.data
  usePage(egg?.name ?? t('report.egg'), [{ label: t('title'), to: '/eggs' }, { label: egg?.name ?? '' }])
  if (query.isError) {
    return <PageProblem what="egg" list="/eggs" error={query.error} onRetry={() => void query.refetch()} />
  }
  if (!egg) return null
  return (
    <Page>
      <PageHead title={egg.name} note={visible(egg.author)}>
        <a
          href={`${BASE}/eggs/${egg.id}/export`}
          download={`egg-${egg.name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.json`}
          className={buttonClass('secondary', 'md', false)}
        >
          <Download aria-hidden="true" size={14} strokeWidth={1.75} />
          {t('export')}
        </a>
        <Button
          look="danger"
          off={egg.servers > 0 ? t('used', { n: egg.servers }) : false}
          onClick={() => setAsking(true)}
        >
          {t('delete')}
        </Button>
        <Link to="/servers/new" search={{ egg: egg.id }} className={buttonClass('primary', 'md', false)}>
          <Plus aria-hidden="true" size={14} />
          {t('new_server')}
        </Link>
      </PageHead>
      {egg.description && <p className="mb-4 max-w-180 text-t2">{visibleLines(egg.description)}</p>}
      <div className="grid grid-cols-[minmax(0,1fr)_356px] items-start gap-4 max-lg:grid-cols-1">
        <div className="flex min-w-0 flex-col gap-4">
          <Card>
            <CardHead
              title={t('startup')}
              note={egg.startup_commands.length > 1 ? egg.startup_commands.length : undefined}
            />
            {egg.startup_commands.map((each) => (
              <div key={each.name} className="border-t border-line px-4 py-2.5 first:border-0">
                {egg.startup_commands.length > 1 && (
                  <div className="mb-1 text-12 text-t3">{visible(each.name)}</div>
                )}
                <code className="mono block text-12 leading-5 [overflow-wrap:anywhere]">
                  {visibleLines(each.command)}
                </code>
              </div>
            ))}
          </Card>
          <Card scrolls={t('variables')}>
            <CardHead title={t('variables')} note={egg.variables.length} />
            {egg.variables.length > 0 && (
              <table className="tbl">
                <thead>
                  <tr>
                    <th>{t('table.name')}</th>
                    <th>{t('table.default')}</th>
                    <th className="max-sm:hidden">{t('table.rules')}</th>
                    <th className="max-sm:hidden">{t('table.users')}</th>
                  </tr>
                </thead>
                <tbody>
                  {egg.variables.map((variable) => (
                    <tr key={variable.env}>
                      <td className="max-w-72">
                        <div
                          className="truncate leading-[18px] font-medium"
                          title={visibleLines(variable.description)}
                        >
                          {visible(variable.name)}
                        </div>
                        <div className="mono truncate text-12 text-t3">{variable.env}</div>
                      </td>
                      <td className="mono max-w-48 truncate text-12">
                        {visible(variable.default) || <span className="text-t3">{t('empty')}</span>}
                      </td>
                      <td
                        className="max-w-60 truncate text-t2 max-sm:hidden"
                        title={visible(variable.rules.join(' | '))}
                      >
                        {visible(ruleWords(variable) ?? t(`kind.${variable.input.kind}`))}
                      </td>
                      <td className="text-t3 max-sm:hidden">
                        {variable.user_editable
                          ? t('users.change')
                          : variable.user_viewable
                            ? t('users.see')
                            : t('users.not')}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </Card>
          <Card className="overflow-hidden">
            <CardHead
              title={t('script')}
              note={<span className="mono text-12">{visible(egg.install?.container ?? t('nothing'))}</span>}
            />
            <pre
              tabIndex={0}
              className="mono max-h-96 overflow-auto bg-term-bg px-4 py-3 text-12 leading-5 text-term-fg"
            >
              {visibleLines(egg.install?.script || t('nothing'))}
            </pre>
          </Card>
        </div>
        <div className="flex flex-col gap-4">
          <Card>
            <CardHead title={t('facts')} />
            <div className="px-4 py-2">
              <Facts
                rows={[
                  [t('table.servers'), String(egg.servers)],
                  [nests('fact'), <EggNest key="nest" egg={egg} />],
                  [
                    t('facts.stop'),
                    <span key="stop" className="mono text-12">
                      {visible(egg.stop || t('nothing'))}
                    </span>,
                  ],
                  [
                    t('facts.entrypoint'),
                    <span key="entry" className="mono text-12">
                      {visible(egg.install?.entrypoint ?? t('nothing'))}
                    </span>,
                  ],
                  [t('facts.added'), <Ago key="added" at={egg.created_at} />],
                ]}
              />
            </div>
          </Card>
          <Card>
            <CardHead title={t('images')} note={egg.images.length} />
            <ul className="px-4 py-2">
              {egg.images.map((image) => (
                <li key={image.label} className="py-1.5">
                  <div>{visible(image.label)}</div>
                  <div className="mono truncate text-12 text-t3" title={visible(image.image)}>
                    {visible(image.image)}
                  </div>
                </li>
              ))}
            </ul>
          </Card>
          <Card>
            <CardHead title={t('done')} />
            <ul className="mono px-4 py-2 text-12">
              {egg.done.map((marker) => (
                <li key={marker} className="py-1 [overflow-wrap:anywhere]">
                  {visible(marker)}
                </li>
              ))}
              {egg.done.length === 0 && <li className="py-1 font-sans text-t3">{t('done.none')}</li>}
            </ul>
          </Card>
          {(egg.config_files.length > 0 || egg.features.length > 0) && (
            <Card>
              <CardHead title={t('writes')} note={egg.config_files.length} />
              <ul className="px-4 py-2">
                {egg.config_files.map((file) => (
                  <li key={file.path} className="flex items-center justify-between gap-2 py-1">
                    <span className="mono truncate text-12">{visible(file.path)}</span>
                    <Tag>{visible(file.parser)}</Tag>
                  </li>
                ))}
              </ul>
              {egg.features.length > 0 && (
                <div className="flex flex-wrap gap-1.5 border-t border-line px-4 py-3">
                  {egg.features.map((feature) => (
                    <Tag key={feature}>{visible(feature)}</Tag>
                  ))}
                </div>
              )}
            </Card>
          )}
        </div>
      </div>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={t('delete.title', { egg: egg.name })}
        verb={t('delete')}
        onConfirm={async () => {
          try {
            await must(api.DELETE('/eggs/{egg}', { params: { path: { egg: egg.id } } }))
            await queryClient.invalidateQueries({ queryKey: keys.eggs })
            await navigate({ to: '/eggs' })
          } catch (error) {
            toast.error(t('delete.failed'), error)
            throw error
          }
        }}
      >
        {t('delete.note')}
      </Confirm>
    </Page>
  )
}
