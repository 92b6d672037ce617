"""The command lines of the documents that users of the predecessors work from, as they are printed there.

Comments are stripped, line ends joined, placeholders filled.
"""

from __future__ import annotations

GENERATE = (
    "--source_catalog ZTF_sources_20230109 --alerts_catalog ZTF_alerts --gaia_catalog Gaia_EDR3"
    " --bright_star_query_radius_arcsec 300.0 --xmatch_radius_arcsec 2.0 --query_size_limit 10000"
    " --period_batch_size 1000 --samples_per_peak 10"
)
QUAD_IDS = "--catalog ZTF_source_features_DR5 --field 301"

LINES: dict[str, tuple[str, ...]] = {
    "cosmic-conn": (
        "python cosmic_conn/reduce_cr.py --data data/demo_data --snr_thres 5 --snr_thres_low 2.5 --dilation 5"
        " --min_exptime 99. --min_cr_size 2 --cpus 8 --aligned --no_png --comment dilation5-SNR5-2.5",
        "bash scripts/reduce_lco_cr.sh",
        "python cosmic_conn/train.py",
    ),
    "otrain": (
        "otrain-convert --path-datacube . --cube c --cutouts cutouts --frac-true 0.5 --cutout-size -1",
        "otrain-convert --path . --cube c --cutouts cutouts --frac_true 0.5 --cutout_size 32",
        "otrain-train -h",
        "otrain-train --cube c.npz --model-path . --model-name m --epochs 10 --frac 0.15 --dropout 0.3 --threshold 0.5",
        "otrain-infer --cutouts cutouts --prob-ratio 0.001 --model m.h5",
        "otrain-checkinfer --plots plots --crossmatch crossmatch.dat --infer infer.dat --maglim 12 18 21"
        " --cnn-problim 0.1 0.5 0.7 --fwhm-ratio-lower 0.5 --fwhm-ratio-upper 4.2",
        "otrain-checkinfer --plots plots --crossmatch . --infer . --mag-lim 12 18 21",
        "otrain-diagnostics --path-cube-validation v.npz --model-path m.h5 --threshold 0.5 --path-diagnostics d",
        "otrain-plots-results --path-cube-validation v.npz --model-path m.h5 --path-plots plots --threshold 0.5",
        "otrain-plot-results --path-cube-validation v.npz --model-path m.h5 --path-plots plots",
        "otrain-optimise-dataset-size --cube c.npz --model-path . --model-name m --epochs 10 --n_sections 20"
        " --dropout 0.3 --outdir sizes",
        "otrain-grad-cam --cube v.npz --model-path m.h5 --cam_path cams --n_random 10 --threshold 0.5",
    ),
    "scope": (
        f"./get_quad_ids.py {QUAD_IDS} --ccd 2 --quad 3 --minobs 20 --skip 0 --limit 10000",
        f"./get_quad_ids.py {QUAD_IDS} --multi-quads --ccd-range 1 8 --quad-range 2 4 --minobs 20 --limit 10000",
        f"./get_quad_ids.py {QUAD_IDS} --multi-quads --minobs 20 --limit 10000",
        f"./get_quad_ids.py {QUAD_IDS} --whole-field",
        "./scope.py train --tag=vnv --path_dataset=data/training/dataset.d15.csv --batch_size=64 --epochs=100"
        " --verbose=1 --pre_trained_model=models/vnv/20210324_220331/vnv.20210324_220331",
        "./scope.py train --tag=vnv --path_dataset=data/training/dataset.d15.csv --batch_size=64 --epochs=100"
        " --verbose=1 --pre_trained_model=models/experiment/vnv/vnv.20221117_001502.h5",
        "./scope.py train --help",
        "./scope.py train --tag=vnv --batch_size=32 --threshold=0.6",
        "./scope.py fetch-datasets",
        "./scope.py fetch-models",
        "./scope.py train --tag=pnp --path_dataset=data/training/dataset.d15.csv --scale_features=min_max"
        " --batch_size=64 --epochs=300 --patience=30 --random_state=1 --verbose=1 --gpu=1 --conv_branch=true --save",
        "./scope.py create_training_script --filename='train_dnn.sh' --min_count=100"
        " --pre_trained_group_name='experiment'"
        " --add_keywords='--save --batch_size=32 --group=new_experiment --period_suffix=ELS_ECE_EAOV'",
        "./tools/get_quad_ids.py --field=301 --whole_field",
        "./tools/get_features.py --field=301 --whole_field --impute_missing_features",
        "./tools/generate_features.py --field 301 --ccd 2 --quad 3 --doGPU",
        "./scope.py create_inference_script",
        "./get_all_preds.sh 301",
        "./get_all_preds.sh specific_ids",
        f"./generate_features.py --field 301 --ccd 2 --quad 4 {GENERATE} --Ncore 4 --min_n_lc_points 50"
        " --min_cadence_minutes 30.0 --dirname generated_features --filename gen_features --doCPU"
        " --doRemoveTerrestrial --doCesium",
        f"tools/generate_features.py {GENERATE} --Ncore 20 --min_n_lc_points 50 --min_cadence_minutes 30.0"
        " --dirname generated_features_DR15 --filename gen_features --doGPU --doRemoveTerrestrial --doCesium"
        " --doQuadrantFile --quadrant_file slurm.dat --quadrant_index 5738",
        "./scope_download_classification.py --file sample.csv --group_ids 360 361 --start 10 --merge_features True"
        " --features_catalog ZTF_source_features_DR5 --features_limit 5000 --taxonomy_map"
        " golden_dataset_mapper.json --output_dir fritzDownload --output_filename"
        " merged_classifications_features --output_format parquet -get_ztf_filters --impute_missing_features",
        "./scope_download_gcn_sources.py --dateobs 2023-05-21T05:30:43",
        "./scope_upload_classification.py --file sample.csv --group_ids 500 250 750 --classification variable"
        " flaring --taxonomy_map map.json --comment confident --start 35 --stop 50 --skip_phot --p_threshold 0.9"
        " --write_obj_id --result_format csv --use_existing_obj_id --post_survey_id --replace_classifications",
        "./scope_manage_annotation.py --action post --source sample.csv --group_ids 200 300 400 --origin"
        " revisedperiod --key period",
        "./scope_upload_disagreements.py -file dataset.d15.csv -id 360 -token sample_token",
    ),
    "dre": (
        "sex_dre --help",
        "psfex_dre --help",
        "make_cuts --help",
        "dre --help",
        "sex_dre -h",
        "sex_dre -c sex_source/default.sex --gain cps",
        "dre modelbulge.fits --cpu 4",
    ),
}

# scope's lines whose command exists; the others belong to services and training, which are not built.
SCOPE_BUILT = tuple(line for line in LINES["scope"] if "generate_features" in line)

# Every option in the usage text of each program that is built, in an order of our own.
DRE_USAGE = (
    "sex_dre -i Tiles -o Sextracted -c default.sex --subdir --flags Flags --weights Weights --gain 1.5 --gain-key auto",
    "sex_dre --input Tiles --output Sextracted --config default.sex --gain counts --gain_key GAIN",
    "psfex_dre -i Sextracted -o PSF -c default.psfex",
    "psfex_dre --input Sextracted --output PSF --config default.psfex",
    "make_cuts -i Tiles -s Sextracted -o Cuts --margin 80 --max-stellarity 0.5 --compression medium --warn",
    "make_cuts --input Tiles --sextracted Sextracted --output Cuts --max_stellarity 0.5 --compression none",
    "dre --psf PSF -i Cuts -o Chi --mosaics --cpu 4 --chunk 100 --compression low --warn modelbulge.fits",
    "dre --input Cuts --output Chi --compression high modelbulge.fits",
    # Later versions of the program, accepted beside these.
    "dre -m modelbulge.fits --psf one.fits",
    "sex_dre -i Tiles_i Tiles_r -sep _ -zp 25 -fwhm 0.8 --arg PHOT_APERTURES 5,10 --file ASSOC_NAME Lists",
    "make_cuts -c Catalogs -f MAG_AUTO 15 21 -f FLUX_RADIUS 2 30 --centroids --centroids-mode 1dg",
)

# Of cosmic-conn: how detection and training are called today, and by users of the predecessor.
COSMIC_CONN_BUILT = (
    "cosmic-conn -m ground_imaging -e SCI -i DIR -c 256",
    "cosmic-conn detect --input DIR --model ground_imaging --ext SCI --crop 1024 --method net --threshold 0.3",
    "cosmic-conn -i DIR --merge DQ --bit 8 --clean --png --gain 1.5 --read_noise 6 --saturation 50000 --bad-pixels BPM",
    "cosmic-conn train --data DIR --mode train --seed 1 --random_seed --max_train_size 70 --lr 0.001"
    " --milestones 1000 2000 3000 --min_exposure 100 --crop 1024 --batch 10 --comment first --model lco"
    " --loss median_bce --imbalance_alpha 100 --norm group --n_group 8 --gn_channel 0 --conv_type unet --up_type deconv"
    " --down_type maxpool --deeper --hidden 32 --epoch 30000 --eval_epoch 10 --validate_freq 10 --validRatio 0.2"
    " --max_valid_size 0 --valid_crop 2000",
)
