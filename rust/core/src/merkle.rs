//! Merkle trees and inclusion proofs, as in RFC 6962, section 2.1.
//!
//! Leaves and nodes are hashed with different prefixes, so that no node passes for a leaf.

use sha2::{Digest, Sha256};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The hash of a leaf: SHA-256(0x00 ‖ data).
pub fn leaf_hash(data: &[u8]) -> Hash {
    leaf_of(&[data])
}

/// The hash of a leaf whose data is the concatenation of `parts`.
pub(crate) fn leaf_of(parts: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new_with_prefix([0]);
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// The hash of a leaf whose data is `parts`, each behind its length in eight bytes, big end first.
pub(crate) fn leaf_of_lengths(parts: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new_with_prefix([0]);
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new_with_prefix([1]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// The root over leaf hashes; of no leaves it is the SHA-256 of nothing.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// The largest power of two below `n`, which is at least 2.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// The audit path of leaf `index`, from the leaf's sibling up to the root's child.
///
/// `None` where there is no such leaf.
pub fn proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let mut path = Vec::new();
    let (mut rest, mut place) = (leaves, index);
    while rest.len() > 1 {
        let (left, right) = rest.split_at(split(rest.len()));
        let sibling;
        (rest, sibling) = if place < left.len() {
            (left, right)
        } else {
            place -= left.len();
            (right, left)
        };
        path.push(root(sibling));
    }
    path.reverse();
    Some(path)
}

/// Whether `path` shows that `leaf` is number `index` of the `size` leaves under `root`.
///
/// A path of any other length than the tree demands is refused (RFC 9162, section 2.1.3.2).
pub fn verify(leaf: &Hash, index: usize, size: usize, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            // A node without a right sibling is carried up unchanged.
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(hash: &Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The eight inputs of Certificate Transparency's own test vectors.
    fn vectors() -> Vec<Hash> {
        let inputs: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        inputs.map(leaf_hash).to_vec()
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let leaves = vectors();
        let expected = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (size, expected) in expected.iter().enumerate() {
            assert_eq!(hex(&root(&leaves[..size])), *expected, "{size} leaves");
        }
    }

    #[test]
    fn every_path_of_every_small_tree() {
        let all: Vec<Hash> = (0_u8..70).map(|byte| leaf_hash(&[byte])).collect();
        for size in 1..=all.len() {
            let leaves = &all[..size];
            let top = root(leaves);
            for index in 0..size {
                let path = proof(leaves, index).unwrap();
                assert!(verify(&leaves[index], index, size, &path, &top));
                assert!(!verify(&all[(index + 1) % 70], index, size, &path, &top) || size == 1);
                assert!(!verify(&leaves[index], index, size, &[&path[..], &[top]].concat(), &top));
                if let Some((_, shorter)) = path.split_last() {
                    assert!(!verify(&leaves[index], index, size, shorter, &top));
                }
            }
            assert!(proof(leaves, size).is_none());
        }
    }

    proptest! {
        #[test]
        fn a_path_fits_one_place_in_one_tree(
            size in 1_usize..300, index in 0_usize..300, other in 0_usize..300, flip in 0_usize..256,
        ) {
            let leaves: Vec<Hash> =
                (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect();
            let (index, top) = (index % size, root(&leaves));
            let mut path = proof(&leaves, index).unwrap();
            if other != index {
                prop_assert!(!verify(&leaves[index], other, size, &path, &top));
            }
            if let Some(hash) = path.first_mut() {
                hash[flip / 8] ^= 1 << (flip % 8);
                prop_assert!(!verify(&leaves[index], index, size, &path, &top));
            }
        }
    }
}
