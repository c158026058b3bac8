import type { Row } from '../row.ts';
import { file, folder } from '../tree.ts';

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** ENV lines after FROM scratch, and the variables that must be in the configuration. */
function env(name: string, lines: string, ...variables: readonly string[]): Row {
  return { name, file: `FROM scratch\n${lines}\n`, config: { Env: [path, ...variables] } };
}

/** What a word is worth, as the name of a label. */
function word(name: string, text: string, value: string): Row {
  return {
    name,
    file: `FROM scratch\nARG set=value\nARG empty=\nARG unset\nARG path=a/b/a/c.tar.gz\nLABEL x=${text}\n`,
    config: { Labels: { x: value } },
  };
}

/** ARG, ENV and what words are expanded to. */
export const variables: readonly Row[] = [
  env('one pair', 'ENV a=b', 'a=b'),
  env('the old form takes the rest of the line', 'ENV a b  c="d" e', 'a=b  c=d e'),
  env('several pairs', 'ENV a=1 b=2', 'a=1', 'b=2'),
  env('double quotes', 'ENV a="1 2" b="x\'y"', 'a=1 2', "b=x'y"),
  env('single quotes', "ENV a='1 2' b='x\"y' c='$a \\n'", 'a=1 2', 'b=x"y', 'c=$a \\n'),
  env('escaped blanks', 'ENV a=1\\ 2 b=3\\ 4', 'a=1 2', 'b=3 4'),
  env('an escaped quote in double quotes', 'ENV a="1\\"2"', 'a=1"2'),
  env('an escaped single quote in double quotes keeps its backslash', 'ENV a="1\\\'2"', "a=1\\'2"),
  env('quotes that are closed and opened again', "ENV a='1'\\''2'", "a=1'2"),
  env('an empty value', 'ENV a= b=""', 'a=', 'b='),
  env('quotes in quotes', 'ENV a="\'\'"', "a=''"),
  env('continuation lines', 'ENV a=1 \\\n    b=2 \\\n    # a comment\n    c="x\\\ny"', 'a=1', 'b=2', 'c=xy'),
  env('values see the variables before the instruction', 'ENV a=1\nENV a=2 b=$a', 'a=2', 'b=1'),
  env('a variable that is set again keeps its place', 'ENV a=1 b=2\nENV a=3', 'a=3', 'b=2'),
  env('percent signs stay', 'ENV a foo%sbar', 'a=foo%sbar'),
  env('an equals sign in a value', 'ENV a=b=c d="e=f"', 'a=b=c', 'd=e=f'),
  env('ARG is not in the configuration', 'ARG a=1\nENV b=$a', 'b=1'),
  env('an escaped dollar', 'ENV a=1 b=\\$a c="\\$a"', 'a=1', 'b=$a', 'c=$a'),
  env('variables next to text', 'ENV a=1\nENV b=$a-x c=${a}x d=$ax', 'a=1', 'b=1-x', 'c=1x', 'd='),
  {
    name: 'a backtick as the escape character',
    file: '# escape=`\nFROM scratch\nENV a=C:\\x `\n    b=1` 2\n',
    config: { Env: [path, 'a=C:\\x', 'b=1 2'] },
  },
  {
    name: 'a quote that is not closed is an error',
    file: "FROM scratch\nENV a='1\\''2\n",
    error: ['Containerfile:2'],
  },
  {
    name: 'ENV without a value is an error',
    file: 'FROM scratch\nENV a\n',
    error: ['Containerfile:2'],
  },
  {
    name: 'PATH can be set, and grows from its default',
    file: 'FROM scratch\nENV PATH=/mine:$PATH\n',
    config: { Env: [`PATH=/mine:${path.slice('PATH='.length)}`] },
  },
  word('an unset variable is empty', 'a${unset}b', 'ab'),
  word('a default for what is unset or empty', '${set:-d},${empty:-d},${unset:-d}', 'value,d,d'),
  word('a default for what is unset', '${set-d},${empty-d},${unset-d}', 'value,,d'),
  word('an alternative for what is set and not empty', '${set:+a},${empty:+a},${unset:+a}', 'a,,'),
  word('an alternative for what is set', '${set+a},${empty+a},${unset+a}', 'a,a,'),
  word('defaults within defaults', '${unset:-${empty:-$set}}', 'value'),
  word('quotes in a default', '"${unset:-a b}"', 'a b'),
  word('an error text that is not needed', '${set:?none}', 'value'),
  word('the shortest prefix is taken away', '${path#*/}', 'b/a/c.tar.gz'),
  word('the longest prefix is taken away', '${path##*/}', 'c.tar.gz'),
  word('the shortest suffix is taken away', '${path%.*}', 'a/b/a/c.tar'),
  word('the longest suffix is taken away', '${path%%.*}', 'a/b/a/c'),
  word('the first match is replaced', '${path/a/x}', 'x/b/a/c.tar.gz'),
  word('all matches are replaced', '${path//a/x}', 'x/b/x/c.txr.gz'),
  word('a slash is escaped in a pattern', '${path//\\//-}', 'a-b-a-c.tar.gz'),
  word('a question mark in a pattern', '${path/?.tar/x}', 'a/b/a/x.gz'),
  {
    name: 'an error text for an unset variable',
    file: 'FROM scratch\nLABEL x="${none:?give it}"\n',
    error: ['"none": give it', 'Containerfile:2'],
  },
  {
    name: 'a form that does not exist is an error',
    file: 'FROM scratch\nLABEL x=${none:=1}\n',
    error: ['Containerfile:2'],
  },
  {
    name: 'an ARG before FROM is for FROM only',
    file: 'ARG base=scratch\nFROM $base\nLABEL x=$base\n',
    config: { Labels: { x: '' } },
  },
  {
    name: 'an ARG before FROM is there again when it is declared',
    file: 'ARG base=scratch\nFROM $base\nARG base\nLABEL x=$base\n',
    config: { Labels: { x: 'scratch' } },
  },
  {
    name: 'an ARG of the stage has its own default',
    file: 'ARG base=scratch\nFROM $base\nARG base=mine\nLABEL x=$base\n',
    config: { Labels: { x: 'mine' } },
  },
  {
    name: '--build-arg wins over both defaults',
    file: 'ARG base=wrong\nFROM $base\nARG base=mine\nLABEL x=$base\n',
    options: { buildArgs: { base: 'scratch' } },
    config: { Labels: { x: 'scratch' } },
  },
  {
    name: '--build-arg for what is not declared is not seen',
    file: 'FROM scratch\nLABEL x=$hidden\n',
    options: { buildArgs: { hidden: 'secret' } },
    config: { Labels: { x: '' } },
  },
  {
    name: '--build-arg with an empty value is set',
    file: 'FROM scratch\nARG a=default\nLABEL x=[$a] y=${a-unset}\n',
    options: { buildArgs: { a: '' } },
    config: { Labels: { x: '[]', y: '' } },
  },
  {
    name: 'the default of a given ARG is not looked at',
    file: 'FROM scratch\nARG a=${none:?missing}\nLABEL x=$a\n',
    options: { buildArgs: { a: 'given' } },
    config: { Labels: { x: 'given' } },
  },
  {
    name: 'a default may be an error text',
    file: 'ARG a=${none:?"custom error"}\nFROM scratch\n',
    error: ['"none": custom error', 'Containerfile:1'],
  },
  {
    name: 'several ARGs see those to their left',
    file: 'FROM scratch\nARG a="x y" b=$a-b c\nLABEL x="$a,$b,$c"\n',
    config: { Labels: { x: 'x y,x y-b,' } },
  },
  {
    name: 'ARGs before FROM see those before them',
    file: 'ARG a=scr\nARG b="${a}atch"\nFROM $b\n',
    config: {},
  },
  {
    name: 'ENV after ARG wins, with --build-arg too',
    file: 'FROM base\nARG x=arg\nENV x=env\nRUN echo $x > /x\n',
    options: { buildArgs: { x: 'given' } },
    tree: { x: file('env\n') },
  },
  {
    name: 'ARG after ENV wins in RUN, the configuration keeps the ENV',
    file: 'FROM base\nENV x=env\nARG x=arg\nRUN echo $x > /x\n',
    tree: { x: file('arg\n') },
    config: { Env: ['PATH=/usr/bin:/bin', 'x=env'] },
  },
  {
    name: 'ARG without a value leaves an ENV',
    file: 'FROM base\nENV x=env\nARG x\nRUN echo $x > /x\n',
    tree: { x: file('env\n') },
  },
  {
    name: "ARG wins over the base image's ENV",
    file: 'FROM configured\nUSER root\nARG BOTH=arg\nRUN echo $BOTH > /x\n',
    tree: { x: file('arg\n') },
  },
  {
    name: 'RUN sees an empty ARG, and not one without a value',
    file: 'FROM base\nARG none\nARG empty=\nRUN env | grep -E "^(none|empty)=" > /x\n',
    tree: { x: file('empty=\n') },
  },
  {
    name: 'a stage that is built on inherits its ARGs',
    file: 'FROM base AS one\nARG a="quoted value"\nFROM one\nRUN echo "$a" > /x\n',
    tree: { x: file('quoted value\n') },
  },
  {
    name: 'other stages do not see ARGs',
    file: 'FROM base AS one\nARG a=1\nFROM base\nRUN echo "[$a]" > /x\n',
    tree: { x: file('[]\n') },
  },
  {
    name: 'platform arguments before FROM need no declaration',
    file: 'FROM scratch AS build-linux\nLABEL x=found\nFROM build-${TARGETOS}\n',
    config: { Labels: { x: 'found' } },
  },
  {
    name: 'platform arguments in a stage do',
    file: 'FROM scratch\nLABEL a=[$TARGETOS]\nARG TARGETOS TARGETVARIANT\nLABEL b=[$TARGETOS] c=[$TARGETVARIANT]\n',
    config: { Labels: { a: '[]', b: '[linux]', c: '[]' } },
  },
  {
    name: 'platform arguments can be given',
    file: 'FROM scratch\nARG TARGETOS\nLABEL x=$TARGETOS\n',
    options: { buildArgs: { TARGETOS: 'other' } },
    config: { Labels: { x: 'other' } },
  },
  {
    name: 'TARGETSTAGE is the stage that is asked for',
    file: 'FROM scratch AS one\nARG TARGETSTAGE\nLABEL x=$TARGETSTAGE\nFROM scratch AS two\n',
    options: { target: 'one' },
    config: { Labels: { x: 'one' } },
  },
  {
    name: 'TARGETSTAGE of a stage without a name',
    file: 'FROM scratch\nARG TARGETSTAGE\nLABEL x=$TARGETSTAGE\n',
    config: { Labels: { x: 'default' } },
  },
  {
    name: 'proxies are there in both cases without a declaration, and not in the image',
    file: 'FROM base\nRUN echo "$HTTP_PROXY $http_proxy $no_proxy" > /x\n',
    options: { buildArgs: { HTTP_PROXY: 'http://p:1', no_proxy: 'here' } },
    tree: { x: file('http://p:1 http://p:1 here\n') },
    config: {},
    history: ['RUN /bin/sh -c echo "$HTTP_PROXY $http_proxy $no_proxy" > /x # buildkit'],
  },
  {
    name: 'where variables are replaced',
    file: `FROM base
ARG d=/d n=1 p=80 u=worker s=SIGHUP
WORKDIR $d
COPY --chown=$u a$n $d/
EXPOSE $p
USER $u
STOPSIGNAL $s
VOLUME $d/v
LABEL k$n=$n
`,
    context: { a1: file('1') },
    tree: { d: folder(), 'd/a1': file('1', { owner: '1001:50' }) },
    config: {
      WorkingDir: '/d',
      ExposedPorts: { '80/tcp': {} },
      User: 'worker',
      StopSignal: 'SIGHUP',
      Volumes: { '/d/v': {} },
      Labels: { k1: '1' },
    },
  },
  {
    name: 'where they are not',
    file: 'FROM scratch\nARG a=1\nCMD ["$a"]\nENTRYPOINT ["${a}"]\nHEALTHCHECK CMD $a\n',
    config: {
      Cmd: ['$a'],
      Entrypoint: ['${a}'],
      ArgsEscaped: true,
      Healthcheck: { Test: ['CMD-SHELL', '$a'] },
    },
  },
  {
    name: '--env is for the image and not for RUN, and the ENV of the file wins',
    file: 'FROM base\nENV a=file\nRUN echo "$a $b" > /x\n',
    options: { env: { a: 'option', b: 'option' } },
    tree: { x: file('file \n') },
    config: { Env: ['PATH=/usr/bin:/bin', 'a=file', 'b=option'] },
  },
  {
    name: '--unsetenv takes a variable of the base image away',
    file: 'FROM configured\n',
    options: { unsetEnv: ['BOTH'] },
    config: { Env: ['PATH=/usr/bin:/bin', 'OF_BASE=kept'] },
  },
];
