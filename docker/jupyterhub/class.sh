#!/bin/sh
# Start a class, with the accounts that STUDENTS names, or stop it: see docs/classroom.md.
#
#     docker/jupyterhub/class.sh up | down
set -eu
cd "$(dirname "$0")/../.."
export PWD # for the compose file
sheet=passwords.txt

die() {
    echo "$*" >&2
    exit 1
}

# One class on a machine, whatever the lab of this checkout is called: its accounts are in a volume of this project.
compose() {
    docker compose --project-directory . --project-name lxmls-class --file docker/jupyterhub/docker-compose.yml "$@"
}

engine=$(docker version --format '{{.Server.Version}}' 2>&1) || die "Docker does not answer: $(echo "$engine" | tail -n 1)"
[ "${engine%%.*}" -ge 26 ] 2>/dev/null || die "This is Docker Engine $engine, and a class needs 26 or newer: before it," \
    "students could send names out of a closed network (CVE-2024-29018). Update Docker."

# Print the names that STUDENTS stands for.
names() {
    if [ -f "$STUDENTS" ]; then cat "$STUDENTS"; else seq -f 'student%02g' "$STUDENTS"; fi
}

up() {
    case ${STUDENTS:=} in
    '') ;;
    *[!0-9]*) [ -f "$STUDENTS" ] || die "STUDENTS=$STUDENTS is neither a number nor a file: make class STUDENTS=25, or" \
        "STUDENTS=students.txt with a name a line" ;;
    esac
    scripts/gpu.sh hub
    compose build hub
    # Accounts come before minutes of building the lab, the class's port before the accounts.
    if [ -z "$(compose ps --quiet --status running hub)" ]; then
        said=$(compose run --rm -T --no-deps --service-ports hub true 2>&1) || die "The class cannot have its address;" \
            "CLASS_BIND and CLASS_PORT in .env choose another. Docker says: $(echo "$said" | tail -n 1)"
    fi
    passwords=
    if [ "$STUDENTS" ]; then
        passwords=$(names | compose run --rm -T --no-deps hub python -m accounts add)
        [ -z "$passwords" ] || (umask 077 && echo "$passwords" >>$sheet && chmod 600 $sheet)
    elif ! compose run --rm -T --no-deps hub test -s accounts.json; then
        die "The class has no accounts: make class STUDENTS=25, or STUDENTS=students.txt with a name a line"
    fi
    scripts/gpu.sh base
    grep -qs '^LAB_IMAGE=.' .env || [ "${LAB_IMAGE:-}" ] || docker compose build
    compose --profile build build student
    compose up --detach --wait || { compose logs --no-log-prefix --tail 5 hub; exit 1; }
    echo "The class is at $(compose exec -T hub printenv CLASS_ADDRESS)."
    [ -z "$passwords" ] || echo "New passwords are in $sheet: print it, cut it, delete it."
}

down() {
    compose stop hub # starts no more servers
    docker ps --all --quiet --filter name=^lxmls-student- | xargs -r docker rm --force --volumes
    compose down
    docker network ls --quiet --filter label=lxmls.class | xargs -r docker network rm
}

case ${1-} in
up | down) "$1" ;;
*) die "usage: class.sh up | down" ;;
esac
