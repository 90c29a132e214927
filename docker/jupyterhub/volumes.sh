#!/usr/bin/env bash
# Back up, restore or erase what a class has stored in Docker's volumes: accounts and students' work.
#
#     docker/jupyterhub/volumes.sh backup FOLDER      makes FOLDER, with an archive of each volume
#     docker/jupyterhub/volumes.sh restore FOLDER     replaces what the volumes of these names hold
#     docker/jupyterhub/volumes.sh erase [--yes]      stops the class and deletes its volumes
set -euo pipefail
umask 077 # the archives hold password hashes

# shellcheck source=docker/jupyterhub/settings.sh
. "$(dirname -- "$0")/settings.sh"

require_stopped_class() {
    running=$(docker ps --all --quiet --filter 'name=^lxmls-student-' --filter "name=^$project-hub-")
    [ -z "$running" ] || die "the class runs, and its files change: make class-down first"
}

# List the volumes whose names begin with one of these.
volumes() {
    docker volume ls --quiet "${@/#/--filter=name=^}"
}

# Run a program on a volume, mounted at /volume.
on_volume() {
    docker run --rm --interactive --pull never --network none --user 0:0 --volume "$1:/volume${2-}" --entrypoint "$3" "$image" "${@:4}"
}

# Read all archives of a folder to their end.
require_whole_backup() {
    [ -f "$1/${project}_state.tar.gz" ] || die "$1 has no backup of a class: ${project}_state.tar.gz is missing"
    for archive in "$1"/*.tar.gz; do
        case ${archive##*/} in
        "${project}_state.tar.gz" | lxmls-student-*.tar.gz) ;;
        *) die "$archive is not a volume of a class" ;;
        esac
        gzip -t "$archive" || die "$archive is damaged"
        entries=$(tar -tzf "$archive" | wc -l) || die "$archive is damaged"
        [ "$entries" -gt 0 ] || die "$archive is empty"
    done
}

backup() {
    require_stopped_class
    [ ! -e "$1" ] || die "$1 exists already: give the name of a new folder"
    names=$(volumes "${project}_state$" lxmls-student-)
    rm -rf "$1.unfinished"
    mkdir "$1.unfinished"
    for name in $names; do
        on_volume "$name" :ro tar -C /volume -cz . </dev/null >"$1.unfinished/$name.tar.gz"
    done
    require_whole_backup "$1.unfinished"
    mv "$1.unfinished" "$1"
    echo "$(wc -w <<<"$names") volumes are in $1."
}

restore() {
    [ "${1%.unfinished}" = "$1" ] || die "the backup $1 was not finished: take another one"
    require_stopped_class
    require_whole_backup "$1"
    lost=
    for archive in "$1"/*.tar.gz; do
        name=${archive##*/}
        # The old files stay until all new ones are there, in a folder whose name no student can know before.
        # shellcheck disable=SC2016  # the container's shell expands
        on_volume "${name%.tar.gz}" "" sh -euc '
            new=$(mktemp -d /volume/.restored-XXXXXXXXXXXX)
            tar -C "$new" -xzp
            find /volume -mindepth 1 -maxdepth 1 ! -path "$new" -exec rm -rf {} +
            chown --reference="$new" /volume
            chmod --reference="$new" /volume
            find "$new" -mindepth 1 -maxdepth 1 -exec mv --target-directory=/volume {} +
            rmdir "$new"' <"$archive" || lost="$lost ${name%.tar.gz}"
    done
    [ -z "$lost" ] || die "not restored:$lost. The other volumes are; what is wrong is above. Repeat the command."
    echo "The volumes of $1 are restored."
}

erase() {
    names=$(volumes "${project}_" lxmls-student- lxmls-kernels-)
    [ -n "$names" ] || die "there is no volume of a class"
    echo "$names"
    if [ "$1" != --yes ]; then
        read -r -p "Erase these volumes, with all accounts and all work of the class? [yes/no] " answer || answer=
        [ "$answer" = yes ] || die "nothing is erased"
    fi
    make --no-print-directory -C "$root" class-down
    # shellcheck disable=SC2086  # several names
    docker volume rm $names >/dev/null
    echo "The class is erased. Your own files are left: students.txt, backups, collected work."
}

case "$# ${1-} ${2-}" in
"2 backup "* | "2 restore "*) "$1" "${2%/}" ;;
"1 erase " | "2 erase --yes") erase "${2-}" ;;
*) die "usage: volumes.sh backup FOLDER | restore FOLDER | erase [--yes]" ;;
esac
